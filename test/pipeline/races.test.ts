/** Count-exact races on a store that really suspends, within one manager and between several on the same store. */
import { describe, expect, test } from 'vitest';
import {
  type CreditService,
  createCreditManagement,
  InMemoryDbManager,
  isCreditError,
  type MemorySession,
} from '../../src/index.js';
import { audit } from '../support/audit.js';

type Service = CreditService<MemorySession>;

/** Every call of the store gives way, some of them several times. */
function suspend(): Promise<void> {
  return new Promise((resolve) => {
    let ticks = Math.floor(Math.random() * 3);
    const next = () => (ticks-- > 0 ? setImmediate(next) : resolve());
    setImmediate(next);
  });
}

function processes(count: number): { db: InMemoryDbManager; services: Service[]; pick: (i: number) => Service } {
  const db = new InMemoryDbManager({ suspend });
  const services = Array.from({ length: count }, () => createCreditManagement({ db }).credits);
  return { db, services, pick: (i) => services[i % count]! };
}

/** How many calls ended in each code. */
async function tally(calls: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const call of await Promise.allSettled(calls)) {
    const error: unknown = call.status === 'rejected' ? call.reason : null;
    const name = error === null ? 'resolved' : isCreditError(error) ? error.code : String(error);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const times = <T>(count: number, run: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => run(i));

/** Reads an account over and over until told to stop; every answer must add up. */
function watch(credits: Service, users: readonly string[]): () => Promise<number> {
  let stopped = false;
  const watching = (async () => {
    let reads = 0;
    for (; !stopped; reads++) {
      for (const info of await credits.getUsersCreditsInfo(users, { fresh: reads % 2 === 0 })) {
        expect(info.balance).toBe(info.reserved + info.available);
        expect(Math.min(info.balance, info.reserved, info.available)).toBeGreaterThanOrEqual(0);
        expect(info.debt).toBe(0);
      }
    }
    return reads;
  })();
  return () => {
    stopped = true;
    return watching;
  };
}

describe.each([1, 2, 4])('%i processes', (count) => {
  test('200 deductions of 7 from 1000 at once: 142 succeed, 58 are refused, 6 are left', async () => {
    const { db, services, pick } = processes(count);
    await pick(0).addCredits('u', 600, { source: 'promo' });
    await pick(1).addCredits('u', 400);
    const stop = watch(services[0]!, ['u']);
    const codes = await tally(times(200, (i) => pick(i).deductCredits('u', 7)));
    expect(codes).toEqual({ resolved: 142, INSUFFICIENT_CREDITS: 58 });
    expect(await stop()).toBeGreaterThan(0);
    expect((await pick(0).getUserCreditsInfo('u')).balance).toBe(6);
    const query = { index: 'history', equals: { account: 'credits/u' } };
    expect(await db.count('entry', { ...query, anyOf: { field: 'type', values: ['error'] } })).toBe(58);
    expect(await audit(db, 'credits/u')).toEqual([]);
  });

  test('one key 200 times: one effect, 199 replays of the same answer', async () => {
    const { db, pick } = processes(count);
    await pick(0).addCredits('u', 100);
    const answers = await Promise.all(times(200, (i) => pick(i).deductCredits('u', 7, { idempotencyKey: 'k' })));
    expect(answers.filter((answer) => !answer.replayed)).toHaveLength(1);
    expect(new Set(answers.map(({ replayed: _, ...rest }) => JSON.stringify(rest))).size).toBe(1);
    expect((await pick(1).getUserCreditsInfo('u')).balance).toBe(93);
    expect(await audit(db, 'credits/u')).toEqual([]);
  });

  test('one key with two inputs: one of them wins, the other conflicts every time', async () => {
    const { db, pick } = processes(count);
    await pick(0).addCredits('u', 1_000);
    const calls = times(100, (i) => pick(i >> 1).deductCredits('u', 7 + (i % 2), { idempotencyKey: 'k' }));
    expect(await tally(calls)).toEqual({ resolved: 50, IDEMPOTENCY_CONFLICT: 50 });
    const { balance } = await pick(0).getUserCreditsInfo('u');
    expect([993, 992]).toContain(balance);
    expect(await audit(db, 'credits/u')).toEqual([]);
  });

  test('one key while the money lasts for one: one effect, however many ask for more', async () => {
    const { db, pick } = processes(count);
    await pick(0).addCredits('u', 7);
    const calls = times(100, (i) => pick(i).deductCredits('u', 7, { idempotencyKey: `k${i % 10}` }));
    const codes = await tally(calls);
    expect(codes.resolved! + codes.INSUFFICIENT_CREDITS!).toBe(100);
    expect(codes.resolved).toBe(10);
    expect((await pick(0).getUserCreditsInfo('u')).balance).toBe(0);
    expect(await audit(db, 'credits/u')).toEqual([]);
  });

  test('100 holds, each attacked by three commits and two releases: each ends once, the sums are exact', async () => {
    const { db, services, pick } = processes(count);
    await pick(0).addCredits('u', 1_000);
    const holds = await Promise.all(times(100, (i) => pick(i).reserveCredits('u', 10)));
    const stop = watch(services[0]!, ['u']);
    let committed = 0;
    await Promise.all(
      holds.map(async ({ id }, i) => {
        const attacks = [
          pick(i).commitReservedCredits(id, { amount: 3 }),
          pick(i + 1).releaseReservedCredits(id, { description: 'one' }),
          pick(i + 2).commitReservedCredits(id, { amount: 5 }),
          pick(i + 3).releaseReservedCredits(id, { description: 'two' }),
          pick(i + 4).commitReservedCredits(id, { amount: 7 }),
        ];
        expect(await tally(attacks)).toEqual({ resolved: 1, RESERVATION_NOT_ACTIVE: 4 });
        const hold = await pick(i).getReservation(id);
        expect(hold).toMatchObject({
          remaining: 0,
          amount: 10,
          status: hold!.committed > 0 ? 'committed' : 'released',
        });
        committed += hold!.committed;
      }),
    );
    await stop();
    const info = await pick(0).getUserCreditsInfo('u');
    expect([info.balance, info.reserved]).toEqual([1_000 - committed, 0]);
    expect(await audit(db, 'credits/u')).toEqual([]);
  });

  test('the same final call on each of 50 holds from everywhere: one effect each, the rest replays', async () => {
    const { db, pick } = processes(count);
    await pick(0).addCredits('u', 500);
    const holds = await Promise.all(times(50, (i) => pick(i).reserveCredits('u', 10)));
    const answers = await Promise.all(
      holds.flatMap(({ id }) => times(4, (i) => pick(i).commitReservedCredits(id, { amount: 4 }))),
    );
    expect(answers.filter((answer) => !answer.replayed)).toHaveLength(50);
    expect(await pick(0).getUserCreditsInfo('u')).toMatchObject({ balance: 300, reserved: 0 });
    expect(await audit(db, 'credits/u')).toEqual([]);
  });

  test('transfers between two accounts in both directions at once lose nothing', async () => {
    const { db, services, pick } = processes(count);
    await pick(0).addCredits('a', 50);
    await pick(0).addCredits('b', 50);
    const stop = watch(services.at(-1)!, ['a', 'b']);
    const calls = times(200, (i) =>
      pick(i >> 1).transferCredits(i % 2 === 0 ? { from: 'a', to: 'b', amount: 1 } : { from: 'b', to: 'a', amount: 1 }),
    );
    const codes = await tally(calls);
    expect((codes.resolved ?? 0) + (codes.INSUFFICIENT_CREDITS ?? 0)).toBe(200);
    await stop();
    const [a, b] = await pick(1).getUsersCreditsInfo(['a', 'b']);
    expect(a!.balance + b!.balance).toBe(100);
    for (const key of ['credits/a', 'credits/b']) expect(await audit(db, key)).toEqual([]);
  });

  test('a bank of 8 accounts with random transfers keeps its total and never goes below zero', async () => {
    const { db, services, pick } = processes(count);
    const users = times(8, (i) => `u${i}`);
    await Promise.all(users.map((user, i) => pick(i).addCredits(user, 25)));
    const stop = watch(services[0]!, users);
    const calls = times(300, (i) => {
      const from = Math.floor(Math.random() * 8);
      const to = (from + 1 + Math.floor(Math.random() * 7)) % 8;
      const amount = 1 + Math.floor(Math.random() * 30);
      return pick(i).transferCredits({ from: users[from]!, to: users[to]!, amount });
    });
    const codes = await tally(calls);
    expect((codes.resolved ?? 0) + (codes.INSUFFICIENT_CREDITS ?? 0)).toBe(300);
    await stop();
    const infos = await pick(1).getUsersCreditsInfo(users, { fresh: true });
    expect(infos.reduce((sum, info) => sum + info.balance, 0)).toBe(200);
    for (const user of users) expect(await audit(db, `credits/${user}`)).toEqual([]);
  });

  test('500 transactions, each reversed twice at once: 500 succeed, 500 are refused, all is back', async () => {
    const { db, pick } = processes(count);
    await pick(0).addCredits('u', 1_000);
    const debits = await Promise.all(times(500, (i) => pick(i).deductCredits('u', 2)));
    expect((await pick(0).getUserCreditsInfo('u')).balance).toBe(0);
    const calls = debits.flatMap(({ id }, i) => [
      pick(i).reverseTransaction(id),
      pick(i + 1).reverseTransaction(id, { reason: 'again' }),
    ]);
    expect(await tally(calls)).toEqual({ resolved: 500, ALREADY_REVERSED: 500 });
    expect((await pick(0).getUserCreditsInfo('u')).balance).toBe(1_000);
    expect(await audit(db, 'credits/u')).toEqual([]);
  });

  test('the last credit: of 200 callers 100 get one', async () => {
    const { db, pick } = processes(count);
    await pick(0).addCredits('u', 100);
    const calls = times(200, (i) => pick(i).deductCredits('u', 1, { idempotencyKey: `k${i}` }));
    expect(await tally(calls)).toEqual({ resolved: 100, INSUFFICIENT_CREDITS: 100 });
    expect((await pick(0).getUserCreditsInfo('u')).available).toBe(0);
    expect(await audit(db, 'credits/u')).toEqual([]);
  });

  test('holds and deductions at once never promise the same credit twice', async () => {
    const { db, services, pick } = processes(count);
    await pick(0).addCredits('u', 100);
    const stop = watch(services[0]!, ['u']);
    const calls = times(150, (i) => (i % 2 === 0 ? pick(i).reserveCredits('u', 1) : pick(i).deductCredits('u', 1)));
    expect(await tally(calls)).toEqual({ resolved: 100, INSUFFICIENT_CREDITS: 50 });
    await stop();
    const info = await pick(0).getUserCreditsInfo('u');
    expect([info.available, info.balance]).toEqual([0, info.reserved]);
    expect(await audit(db, 'credits/u')).toEqual([]);
  });

  test('the first write to an account from everywhere makes one account and one trial grant', async () => {
    const db = new InMemoryDbManager({ suspend });
    const defaults = { trialCredits: 10 };
    const services = times(count, () => createCreditManagement({ db, defaults }).credits);
    const calls = times(40, (i) => services[i % count]!.deductCredits('u', 1));
    expect(await tally(calls)).toEqual({ resolved: 10, INSUFFICIENT_CREDITS: 30 });
    const { items } = await services[0]!.getGrants('u', { includeClosed: true });
    expect(items.map((grant) => [grant.source, grant.remaining])).toEqual([['trial', 0]]);
    expect(await audit(db, 'credits/u')).toEqual([]);
  });
});
