/** G23: PGlite in memory, for machines without a server. It syncs nothing, so nothing here is durable. */
import { PGlite } from '@electric-sql/pglite';
import { createCreditManagement } from 'credit-management';
import { SqlDbManager } from 'credit-management/sql';
import { AMOUNT, fund, loop, MICRO, rivalOf } from './closed-loop.js';
import { type Bench, ratio, rounds } from './postgres-load.js';
import { HAND_TABLES, moveByHand } from './postgres-rivals.js';

const ACCOUNTS = 1_000;

export async function pglite(bench: Bench): Promise<void> {
  const db = await PGlite.create();
  const manager = createCreditManagement({ db: new SqlDbManager({ pglite: db }), timeoutMs: 60_000 });
  try {
    await db.exec(`${HAND_TABLES} insert into hand_account
      select 'user-' || n, 0, 1000000000000, 0, '{}' from generate_series(0, ${ACCOUNTS - 1}) n`);
    await fund(manager, ACCOUNTS);
    const { deduct } = rivalOf(manager);
    const byHand = (n: number) =>
      db.transaction((transaction) => {
        const send = async (_: string, text: string, values: unknown[]) =>
          (await transaction.query<Record<string, unknown>>(text, values)).rows;
        return moveByHand(send, { n, type: 'deduct', balance: -AMOUNT * MICRO, reserved: 0 });
      });
    for (const [workload, accounts, goal, floor] of [
      ['hot', 1, 25, 15] as const,
      ['uniform', ACCOUNTS, 18, 10] as const,
    ]) {
      const designs = {
        naive: (seconds: number) => loop((n) => byHand((n * 7919) % accounts), 1_000, seconds),
        library: (seconds: number) => loop((n) => deduct((n * 7919) % accounts, AMOUNT), 1_000, seconds),
      };
      const found = await rounds(bench, designs, { workload, inFlight: 1_000, adapter: 'pglite' });
      const share = ratio(found.library?.rate as number[], found.naive?.rate as number[]);
      bench.report.goal(`G23 PGlite ${workload}: library / naive`, share, goal, floor);
    }
  } finally {
    await manager.close();
    await db.close();
  }
}
