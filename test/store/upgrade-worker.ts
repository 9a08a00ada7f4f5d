/** A process of the present version that opens a store of an earlier one, and fills in what that did not keep. */
import { createCreditManagement } from '../../src/index.js';
import { type DatabaseConfig, openDb } from '../backends/open-adapter.js';
import { PATIENT_MS } from '../support/pace.js';
import { QUIET } from '../support/quiet.js';

export interface UpgradeConfig {
  readonly database: DatabaseConfig;
  /** Its clock stands still here, in epoch milliseconds. */
  readonly now: number;
  /** After so many accounts it stands still in the middle of its work, until it is killed. Null: it never does. */
  readonly hangAfter: number | null;
}

export type FromUpgrade = 'open' | 'hangs' | { readonly status: string; readonly processed: number };

const { database, now, hangAfter } = JSON.parse(process.argv[2] as string) as UpgradeConfig;
const say = (message: FromUpgrade) => new Promise((resolve) => process.send?.(message, resolve));

const manager = createCreditManagement({
  db: openDb(database),
  clock: { now: () => new Date(now) },
  ...{ creditTypes: { image: {} }, timeoutMs: PATIENT_MS, logger: QUIET },
});

function hang(): void {
  process.send?.('hangs' satisfies FromUpgrade);
  // The event loop stands still from here: what was begun is neither finished nor taken back.
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
}

await manager.init();
await say('open');
process.once('message', async () => {
  const onProgress = ({ processed }: { processed: number }) => {
    if (hangAfter !== null && processed >= hangAfter) hang();
  };
  const { status, processed } = await manager.jobs.runExpiration({ batchSize: 2, onProgress });
  await say({ status, processed });
  await manager.close();
  process.disconnect();
});
