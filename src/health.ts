/** The health of a manager: it asks the database; file and cache answer how their last use went. */
import type { WiredEngine } from './engine-wiring.js';
import type { Health } from './models/records/health.js';
import type { EventSink } from './ports/event-sink.js';
import type { MessageSource } from './ports/message-source.js';
import type { ForgottenRelay } from './services/outbox/forgotten-relay.js';
import { monotonicNow } from './timers.js';

const PING_TIMEOUT_MS = 2_000;

export async function healthOf<S>(
  { store, mirror, cache }: WiredEngine<S>,
  forgotten: ForgottenRelay<S>,
  unavailableStatuses: number,
  { sinks, sources }: { readonly sinks: readonly EventSink[]; readonly sources: readonly MessageSource[] },
): Promise<Health> {
  const began = monotonicNow();
  const isUp = await store.db.ping({ timeoutMs: PING_TIMEOUT_MS }).then(
    () => true,
    () => false,
  );
  const ledgerFile = mirror?.health() ?? null;
  const isFileUp = ledgerFile?.state !== 'degraded';
  const isDatabaseOlder = mirror?.isAhead ?? false;
  const isCacheUp = cache?.isUp ?? true;
  const { differingSettings } = store;
  if (isUp) await forgotten.look(Math.max(1, PING_TIMEOUT_MS - (monotonicNow() - began)));
  const { undelivered } = forgotten;
  const sinkProblems = sinks.flatMap((sink) => {
    const problem = problemOf(sink);
    return problem === null ? [] : [{ sink: sink.name, problem }];
  });
  const sourceProblems = sources.flatMap((source) => {
    const problem = problemOf(source);
    return problem === null ? [] : [{ source: source.name, problem }];
  });
  const isAsIntended = [differingSettings, undelivered, sinkProblems, sourceProblems].every(
    ({ length }) => length === 0,
  );
  const isWell = isFileUp && isCacheUp && !isDatabaseOlder && isAsIntended;
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
    undelivered,
    sinkProblems,
    sourceProblems,
    unavailableStatuses,
  };
}

/** It may be the host's own, and health has to be told whatever it does. */
function problemOf(part: Pick<EventSink, 'problem'>): string | null {
  try {
    return part.problem?.() ?? null;
  } catch (error) {
    return `It cannot tell its problem: ${String(error)}`;
  }
}
