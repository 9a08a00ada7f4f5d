/** The health of a manager: it asks the database; file and cache answer how their last use went. */

import type { WiredEngine } from './engine-wiring.js';
import type { Health } from './models/records/health.js';

const PING_TIMEOUT_MS = 2_000;

export async function healthOf<S>({ store, mirror, cache }: WiredEngine<S>): Promise<Health> {
  const isUp = await store.db.ping({ timeoutMs: PING_TIMEOUT_MS }).then(
    () => true,
    () => false,
  );
  const ledgerFile = mirror?.health() ?? null;
  const isFileUp = ledgerFile?.state !== 'degraded';
  const isDatabaseOlder = mirror?.isAhead ?? false;
  const isCacheUp = cache?.isUp ?? true;
  const { differingSettings } = store;
  const isWell = isFileUp && isCacheUp && !isDatabaseOlder && differingSettings.length === 0;
  return {
    status: !isUp ? 'unhealthy' : isWell ? 'healthy' : 'degraded',
    components: {
      database: isUp ? 'up' : 'down',
      ledgerFile: mirror ? (isFileUp ? 'up' : 'down') : 'disabled',
      cache: cache ? (isCacheUp ? 'up' : 'down') : 'disabled',
    },
    isDatabaseOlder,
    ledgerFile,
    differingSettings,
  };
}
