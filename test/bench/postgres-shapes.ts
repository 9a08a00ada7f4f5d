import { AMOUNT, loop, percentiles } from './closed-loop.js';
import { type Bench, openLibrary, sql } from './postgres-load.js';

/** What calls cost on accounts of unusual shape, against a small account in the same run; one call in flight. */

const LOTS = 1_000;
/** One less than may be open, so that there is room to reserve. */
const HOLDS = 999;
const ENTRIES = 1_000_000;
const CALLS = 200;
/** A call that has taken this long in all is asked for no more. */
const MOST_MS = 10_000;

export async function shapes(bench: Bench): Promise<void> {
  const manager = openLibrary(bench.url);
  const { credits } = manager;
  try {
    for (const user of ['small', 'long']) {
      for (let lot = 1; lot <= 3; lot++) await credits.addCredits(user, 1_000_000);
    }
    const lots = Array.from({ length: LOTS }, (_, i) => new Date(Date.now() + (i + 1) * 86_400_000));
    for (const expiresAt of lots) await credits.addCredits('wide', 1_000, { expiresAt });
    for (let i = 0; i < HOLDS; i++) await credits.reserveCredits('wide', AMOUNT, { ttlSeconds: 86_400 });
    for (const user of ['small', 'long']) await credits.deductCredits(user, AMOUNT);
    for (let written = 0; written < ENTRIES; ) {
      const { opsPerSecond } = await loop(async () => void (await credits.deductCredits('long', AMOUNT)), 1_000, 5);
      written += opsPerSecond * 5;
    }
    await sql(bench.url, 'vacuum analyze');
    const from = new Date(Date.now() + 86_400_000);
    const names = {
      small: '3 lots',
      wide: `${LOTS} lots, ${HOLDS} holds`,
      long: `${ENTRIES.toLocaleString('en')} entries`,
    };
    const holds = new Map<string, Awaited<ReturnType<typeof credits.reserveCredits>>>();
    const calls: Record<string, (user: string) => Promise<unknown>> = {
      balance: (user) => credits.getUserCreditsInfo(user),
      'history, newest page': (user) => credits.getCreditHistory(user),
      'history, oldest page': (user) => credits.getCreditHistory(user, { order: 'oldest' }),
      'history, of tomorrow': (user) => credits.getCreditHistory(user, { from }),
      deduct: (user) => credits.deductCredits(user, AMOUNT),
      reserve: async (user) => holds.set(user, await credits.reserveCredits(user, AMOUNT)),
      commit: (user) => credits.commitReservedCredits(holds.get(user) as never),
    };
    const times: Record<string, number[]> = {};
    const spent: Record<string, number> = {};
    for (let i = 0; i < CALLS + 5; i++) {
      for (const [verb, call] of Object.entries(calls)) {
        for (const user of Object.keys(names)) {
          const name = `${verb} ${user}`;
          if ((spent[name] ?? 0) > MOST_MS && verb.startsWith('history')) continue;
          const began = performance.now();
          await call(user);
          spent[name] = (spent[name] ?? 0) + performance.now() - began;
          // The first calls are the compiler's.
          if (i < 5) continue;
          times[name] ??= [];
          times[name]?.push(performance.now() - began);
        }
      }
    }
    for (const verb of Object.keys(calls)) {
      for (const [user, name] of Object.entries(names)) {
        const each = times[`${verb} ${user}`] ?? [];
        bench.report.figures(`${verb}, ${name}`, { ...percentiles(each), calls: each.length });
      }
    }
    const sizes = await sql(
      bench.url,
      'select user_id, length(state::text)::text as bytes, seq::text from credit_account',
    );
    for (const { user_id, bytes, seq } of sizes) {
      bench.report.figures(`account ${user_id}`, { 'bytes of state': Number(bytes), entries: Number(seq) });
    }
  } finally {
    await manager.close();
  }
}
