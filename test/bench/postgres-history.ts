/** G14: many rows of history with random keys, against the same on tables that are nearly empty. */
import { randomUUID } from 'node:crypto';
import { createDatabase, dropDatabase } from '../backends/postgres.js';
import { ACCOUNTS, AMOUNT, accountsOf, fund, load, loop } from './closed-loop.js';
import { type Bench, checkpoint, openLibrary, ratio, rounds, sql } from './postgres-load.js';
import { makeTables, naive } from './postgres-rivals.js';

export async function history(bench: Bench): Promise<void> {
  const rows = bench.history;
  const emptyUrl = await createDatabase(bench.server);
  const empty = openLibrary(emptyUrl);
  const full = openLibrary(bench.url);
  const hands = [emptyUrl, bench.url].map((url) => naive(url, 10));
  try {
    for (const [url, manager] of [[emptyUrl, empty] as const, [bench.url, full] as const]) {
      await makeTables(url);
      await fund(manager);
    }
    const began = performance.now();
    await fill(bench.url, rows);
    await sql(bench.url, 'vacuum analyze');
    await checkpoint(bench.url);
    const seconds = (performance.now() - began) / 1000;
    bench.report.figures(`${rows.toLocaleString('en')} rows of history`, { seconds });
    for (const [workload, goal, floor] of [['hot', 0.65, 0.55] as const, ['uniform', 0.65, 0.55] as const]) {
      const accountOf = accountsOf(workload);
      const keyed = ({ credits }: typeof full) => {
        const deduct = async (n: number) => {
          await credits.deductCredits(`user-${accountOf(n)}`, AMOUNT, { idempotencyKey: randomUUID() });
        };
        return (time: number) => loop(deduct, 1_000, time);
      };
      const [handEmpty, handFull] = hands as [(typeof hands)[number], (typeof hands)[number]];
      const designs = {
        naive: (time: number) => load(handEmpty, workload, 1_000, time),
        [`naive, ${rows} rows`]: (time: number) => load(handFull, workload, 1_000, time),
        library: keyed(empty),
        [`library, ${rows} rows`]: keyed(full),
      };
      const found = await rounds(bench, designs, { workload, inFlight: 1_000, history: rows });
      const rate = (design: string) => found[design]?.rate as number[];
      const kept = ratio(rate(`library, ${rows} rows`), rate('library'));
      bench.report.goal(`G14 ${workload}: ${rows} rows of history / none`, kept, goal, floor);
      const against = ratio(rate(`library, ${rows} rows`), rate(`naive, ${rows} rows`));
      if (workload === 'uniform') bench.report.goal('G14 uniform, with history: library / naive', against, 8, 5);
      else bench.report.figures('hot, with history: library / naive', { ratio: against });
    }
  } finally {
    for (const each of [empty, full, ...hands]) await each.close();
    await dropDatabase(bench.server, emptyUrl);
  }
}

/**
 * Copies of a deduction under random ids and keys, on users of their own who have no account: no account's chain is
 * touched, and every index is as large and as scattered as if the library had written them.
 */
async function fill(url: string, rows: number): Promise<void> {
  const copy = `jsonb_build_object('id', gen_random_uuid(), 'operation_id', gen_random_uuid(),
    'seq', 1 + n / ${ACCOUNTS}, 'account', 'credits/past-' || n % ${ACCOUNTS}, 'user_id', 'past-' || n % ${ACCOUNTS},
    'type', 'deduct', 'operation', 'deduct', 'idempotency_key', k, 'fingerprint', repeat('f', 64),
    'scoped_key', 'credits/past-' || n % ${ACCOUNTS} || '/deduct/' || k)`;
  const part = 100_000;
  for (let from = 0; from < rows; from += part) {
    const to = Math.min(rows, from + part) - 1;
    const numbers = `generate_series(${from}, ${to}) n`;
    await sql(
      url,
      `insert into credit_entry select p.* from credit_entry e,
        (select n, gen_random_uuid()::text as k from ${numbers}) g,
        lateral jsonb_populate_record(e, ${copy}) p
        where e.id = (select id from credit_entry where account = 'credits/user-0' and seq = 1);
      insert into hand_txn select gen_random_uuid()::text, 'past-' || n % ${ACCOUNTS}, n, 'deduct', 1, 1, now()
        from ${numbers};
      insert into hand_ledger select 'past-' || n % ${ACCOUNTS}, n, 'transaction', 'Credits: deduct',
        '{"amount":10000,"balance":999999990000}', now() from ${numbers}`,
    );
  }
}
