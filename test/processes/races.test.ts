/** Count-exact races of four operating-system processes on one database. `CREDIT_RACES` rounds of each. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADAPTER, describeDatabase } from '../backends/by-adapter.js';
import { type Manager, openManager, type WorkerConfig } from '../backends/open-adapter.js';
import { amount } from '../support/amounts.js';
import { type Answer, isReplay, tally, type Verb } from '../support/answers.js';
import { audit } from '../support/audit.js';
import { PATIENT_MS } from '../support/pace.js';
import { startWorkers, type Worker } from './workers.js';

const ROUNDS = amount('CREDIT_RACES');
const PROCESSES = 4;

type Asked = readonly [verb: Verb, ...args: unknown[]];
const times = <T>(count: number, run: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => run(i));
const valueIn = <T>(answer: Answer | undefined): T => {
  if (answer?.status !== 'resolved') throw new Error(`not resolved: ${JSON.stringify(answer)}`);
  return answer.value as T;
};
type Info = { balance: number; reserved: number; available: number; debt: number };

await describeDatabase(`races of ${PROCESSES} processes on ${ADAPTER}`, (database) => {
  let workers: Worker[] = [];
  let manager: Manager;
  let rounds = 0;
  const counts: Record<string, number> = {};

  beforeAll(async () => {
    const config: WorkerConfig = { adapter: ADAPTER, url: database.url, timeoutMs: PATIENT_MS, poolSize: 4 };
    // All of them start on an empty database at once.
    workers = await startWorkers(PROCESSES, config);
    manager = openManager(config);
    await manager.init();
  });

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    await manager?.close();
    console.log(`races: ${rounds} rounds, ${JSON.stringify(counts)}`);
  });

  /** Starts all of them at once, the i-th in process i. */
  async function all(calls: readonly Asked[]): Promise<Answer[]> {
    const shares = workers.map((_, w) => calls.filter((_, i) => i % PROCESSES === w));
    const started = workers.map((worker, w) => worker.start(shares[w]!));
    const answers = await Promise.all(calls.map((_, i) => started[i % PROCESSES]![Math.floor(i / PROCESSES)]!));
    for (const [name, count] of Object.entries(tally(answers))) counts[name] = (counts[name] ?? 0) + count;
    return answers;
  }

  const one = async <T>(verb: Verb, ...args: unknown[]) => valueIn<T>((await all([[verb, ...args]]))[0]);

  /** Runs a race over and over, each time on new users, and audits every account that it used. */
  async function race(name: string, users: number, round: (users: string[], round: number) => Promise<void>) {
    const used: string[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const fresh = times(users, (u) => `${name}-${i}-${u}`);
      await round(fresh, i);
      used.push(...fresh);
      rounds++;
    }
    for (const user of used.slice(-50)) expect(await audit(manager.db, `credits/${user}`)).toEqual([]);
    expect(workers.flatMap(({ faults }) => faults)).toEqual([]);
  }

  test('four processes that start on an empty database make one ledger', async () => {
    expect(await manager.db.count('system', { index: 'kind', equals: { kind: 'settings' } })).toBe(1);
  });

  test('the last credit: of 60 callers exactly as many succeed as there are credits', () =>
    race('last', 1, async ([user], i) => {
      const credits = 1 + ((i * 7) % 40);
      await one('addCredits', user, credits);
      const calls = times(60, (k): Asked => {
        const key = k % 2 === 0 ? { idempotencyKey: `k${k}` } : {};
        return k % 5 === 4 ? ['reserveCredits', user, 1, key] : ['deductCredits', user, 1, key];
      });
      expect(tally(await all(calls))).toEqual({ resolved: credits, INSUFFICIENT_CREDITS: 60 - credits });
      const info = await one<Info>('getUserCreditsInfo', user, { fresh: true });
      expect([info.available, info.debt, info.balance]).toEqual([0, 0, info.reserved]);
    }));

  test('one key 24 times: one effect a key, everybody else gets its replay', () =>
    race('same-key', 2, async ([user, other]) => {
      const { grantId } = await one<{ grantId: string }>('addCredits', user, 100);
      const hold = await one<{ id: string }>('reserveCredits', user, 9);
      const kinds: Asked[] = [
        ['deductCredits', user, 2, { idempotencyKey: 'k' }],
        ['addCredits', user, 3, { idempotencyKey: 'k' }],
        ['reserveCredits', user, 4, { idempotencyKey: 'k' }],
        ['transferCredits', { from: user, to: other, amount: 5 }, { idempotencyKey: 'k' }],
        ['commitReservedCredits', hold.id, { amount: 6, idempotencyKey: 'k' }],
        ['updateGrant', grantId, { priority: 7 }, { idempotencyKey: 'k' }],
        ['voidGrant', grantId, { amount: 8, actor: 'auditor', reason: 'granted twice', idempotencyKey: 'k' }],
      ];
      // Seven kinds and four processes: each kind is asked for in every process.
      const answers = await all(times(24 * kinds.length, (k) => kinds[k % kinds.length]!));
      expect(tally(answers)).toEqual({ resolved: answers.length });
      for (const kind of kinds.keys()) {
        const values = answers.filter((_, k) => k % kinds.length === kind).map((answer) => valueIn<object>(answer));
        expect(values.filter((value) => !isReplay(value))).toHaveLength(1);
        const told = values.map((value) => JSON.stringify(value).replaceAll('"replayed":true', '"replayed":false'));
        expect(new Set(told).size).toBe(1);
      }
      const infos = await one<Info[]>('getUsersCreditsInfo', [user, other], { fresh: true });
      expect(infos.map(({ balance, reserved }) => [balance, reserved])).toEqual([
        [82, 4],
        [5, 0],
      ]);
    }));

  test('one key with two inputs: one of them wins, the other conflicts every time', () =>
    race('two-inputs', 3, async ([user, one_, two]) => {
      await one('addCredits', user, 1_000);
      const deductions = times(24, (k): Asked => ['deductCredits', user, 7 + ((k >> 2) % 2), { idempotencyKey: 'k' }]);
      expect(tally(await all(deductions))).toEqual({ resolved: 12, IDEMPOTENCY_CONFLICT: 12 });
      const transfers = times(24, (k): Asked => {
        const to = (k >> 2) % 2 === 0 ? one_ : two;
        return ['transferCredits', { from: user, to, amount: 10 }, { idempotencyKey: 'k' }];
      });
      expect(tally(await all(transfers))).toEqual({ resolved: 12, IDEMPOTENCY_CONFLICT: 12 });
      const [, ...got] = await one<Info[]>('getUsersCreditsInfo', [user, one_, two], { fresh: true });
      expect(got.map(({ balance }) => balance).sort()).toEqual([0, 10]);
    }));

  test('a hold storm: each hold ends once, and never is more held than there is', () =>
    race('holds', 1, async ([user]) => {
      await one('addCredits', user, 100);
      let isOver = false;
      const watching = (async () => {
        for (const { call } = workers[0]!; !isOver; ) {
          const info = valueIn<Info>(await call('getUserCreditsInfo', user, { fresh: true }));
          expect(info.balance).toBe(info.reserved + info.available);
          expect(Math.min(info.balance, info.reserved, info.available, -info.debt)).toBeGreaterThanOrEqual(0);
        }
      })();
      // 100 credits are held by the first ten; the others are refused.
      const made = await all(times(16, () => ['reserveCredits', user, 10]));
      expect(tally(made)).toEqual({ resolved: 10, INSUFFICIENT_CREDITS: 6 });
      const ids = made.flatMap((answer) => (answer.status === 'resolved' ? [valueIn<{ id: string }>(answer).id] : []));
      const attacks = (id: string): Asked[] => [
        ['commitReservedCredits', id, { amount: 3 }],
        ['releaseReservedCredits', id, { description: 'one' }],
        ['commitReservedCredits', id, { amount: 5 }],
        ['releaseReservedCredits', id, { description: 'two' }],
        ['commitReservedCredits', id, { amount: 7 }],
      ];
      const answers = await all(ids.flatMap(attacks));
      let committed = 0;
      for (const [i, id] of ids.entries()) {
        const own = answers.slice(i * 5, i * 5 + 5);
        expect(tally(own)).toEqual({ resolved: 1, RESERVATION_NOT_ACTIVE: 4 });
        const hold = await one<{ committed: number; remaining: number }>('getReservation', id);
        expect(hold.remaining).toBe(0);
        committed += hold.committed;
      }
      isOver = true;
      await watching;
      const info = await one<Info>('getUserCreditsInfo', user, { fresh: true });
      expect([info.balance, info.reserved]).toEqual([100 - committed, 0]);
    }));

  test('transfers between two accounts in both directions lose nothing, at no instant', () =>
    race('transfers', 2, async ([a, b]) => {
      await all([a, b].map((user): Asked => ['addCredits', user, 20]));
      let isOver = false;
      const watching = (async () => {
        for (const { call } = workers[1]!; !isOver; ) {
          for (const { balance, debt } of valueIn<Info[]>(await call('getUsersCreditsInfo', [a, b], { fresh: true }))) {
            expect(Math.min(balance, 40 - balance, -debt)).toBeGreaterThanOrEqual(0);
          }
        }
      })();
      const answers = await all(
        times(40, (k) => [
          'transferCredits',
          k % 2 === 0 ? { from: a, to: b, amount: 3 } : { from: b, to: a, amount: 3 },
        ]),
      );
      isOver = true;
      await watching;
      const codes = tally(answers);
      expect((codes.resolved ?? 0) + (codes.INSUFFICIENT_CREDITS ?? 0)).toBe(40);
      const infos = await one<Info[]>('getUsersCreditsInfo', [a, b], { fresh: true });
      expect(infos.reduce((sum, { balance }) => sum + balance, 0)).toBe(40);
      const moved = answers.flatMap((answer, k) => (answer.status === 'resolved' ? [k % 2 === 0 ? -3 : 3] : []));
      expect(infos[0]!.balance).toBe(moved.reduce((sum, each) => sum + each, 20));
    }));

  test('accounts made everywhere at once are made once, with one trial grant; other options conflict', () =>
    race('create', 2, async ([user, fresh], i) => {
      const options = { trialCredits: 10, overdraftLimit: 5, metadata: { round: i } };
      const same = await all(times(16, () => ['createAccount', user, options]));
      expect(tally(same)).toEqual({ resolved: 16 });
      expect(same.filter((answer) => !isReplay(valueIn(answer)))).toHaveLength(1);
      const two = await all(times(16, (k) => ['createAccount', fresh, { trialCredits: 10 + ((k >> 2) % 2) }]));
      expect(tally(two)).toEqual({ resolved: 8, IDEMPOTENCY_CONFLICT: 8 });
      const [info, other] = await one<Info[]>('getUsersCreditsInfo', [user, fresh], { fresh: true });
      expect(info!.balance).toBe(10);
      expect([10, 11]).toContain(other!.balance);
    }));

  test('one key on many accounts, beginning with the first write, is one effect on each', () =>
    race('key-users', 6, async (users) => {
      // Calls with and without trouble share batches: the same key, six accounts, eight callers each.
      const answers = await all(
        users.flatMap((user) => times(8, (): Asked => ['addCredits', user, 4, { idempotencyKey: 'k' }])),
      );
      expect(answers.filter((answer) => !isReplay(valueIn(answer)))).toHaveLength(users.length);
      const infos = await one<Info[]>('getUsersCreditsInfo', users, { fresh: true });
      expect(infos.map(({ balance }) => balance)).toEqual(users.map(() => 4));
    }));

  test('one transaction reversed in every process at once is reversed once', () =>
    race('reverse', 1, async ([user]) => {
      await one('addCredits', user, 20);
      const debits = await all(times(10, () => ['deductCredits', user, 2]));
      const ids = debits.map((answer) => valueIn<{ id: string }>(answer).id);
      const calls = ids.flatMap((id) => times(4, (k): Asked => ['reverseTransaction', id, { reason: `process ${k}` }]));
      expect(tally(await all(calls))).toEqual({ resolved: 10, ALREADY_REVERSED: 30 });
      expect((await one<Info>('getUserCreditsInfo', user, { fresh: true })).balance).toBe(20);
    }));

  test('expiry against spending: a credit is spent before its instant, held over it, or expired, and once', () =>
    race('expiry', 1, async ([user]) => {
      await one('addCredits', user, 1_000_000, { priority: 90 });
      const expiresAt = await lapsesSoon(user!);
      const lapsing = (await grantsOf(user)).find((grant) => grant.expiresAt !== null)!;
      let spent = 0;
      let expired = 0;
      let isLate = false;
      while (!isLate) {
        const calls = times(16, (k): Asked => {
          if (k % 8 === 7) return ['expireCredits', user];
          return k % 8 === 5 ? ['reserveCredits', user, 1] : ['deductCredits', user, 1];
        });
        isLate = (await manager.db.ping()).now.getTime() > expiresAt.getTime() + 60;
        const answers = await all(calls);
        expect(tally(answers)).toEqual({ resolved: 16 });
        for (const [k, answer] of answers.entries()) {
          const value = valueIn<number | { draws: { grantId: string; amount: number }[]; createdAt: Date }>(answer);
          if (typeof value === 'number') expired += value;
          else if (k % 8 !== 5) {
            const drawn = value.draws.filter(({ grantId }) => grantId === lapsing.id);
            if (drawn.length > 0) expect(value.createdAt.getTime()).toBeLessThan(expiresAt.getTime());
            spent += drawn.reduce((sum, { amount: each }) => sum + each, 0);
          }
        }
      }
      const after = (await grantsOf(user)).find((grant) => grant.id === lapsing.id)!;
      expect(after.remaining).toBe(after.held);
      const { items } = await manager.credits.getCreditHistory(user!, { types: ['expire'], limit: 100 });
      const written = items.reduce((sum, { delta }) => sum - delta, 0);
      expect(spent + written + after.remaining).toBe(300);
      // Spending writes what is due as well, and tells nobody.
      expect(expired).toBeLessThanOrEqual(written);
    }));

  /** 300 credits that lapse while they are spent; on a machine so busy that they had lapsed already, a little later. */
  async function lapsesSoon(user: string): Promise<Date> {
    for (let ahead = 600; ; ahead *= 2) {
      const { now } = await manager.db.ping();
      const expiresAt = new Date(now.getTime() + ahead);
      const [answer] = await Promise.all(workers[0]!.start([['addCredits', user, 300, { expiresAt, priority: 10 }]]));
      if (answer?.status === 'resolved') return expiresAt;
    }
  }

  const grantsOf = async (user: string | undefined) =>
    (await manager.credits.getGrants(user!, { includeClosed: true, fresh: true })).items;

  test('after all of it the whole ledger verifies, and nothing was refused for contention', async () => {
    const report = await manager.ledger.verify();
    expect(report.problems).toEqual([]);
    expect(report.checked).toBeGreaterThan(500);
    const fine = [
      'resolved',
      'INSUFFICIENT_CREDITS',
      'IDEMPOTENCY_CONFLICT',
      'RESERVATION_NOT_ACTIVE',
      'ALREADY_REVERSED',
    ];
    expect(Object.keys(counts).filter((name) => !fine.includes(name))).toEqual([]);
  });
});
