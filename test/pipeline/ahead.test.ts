/** Calls that are decided while the commit before theirs is under way. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { UnitOutcome } from '../../src/index.js';
import { type Bench, bench, type GatedDb, isMoney, unknown } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { endOf } from '../support/codes.js';
import { gate } from '../support/wait.js';

const CALLS = 6;

type Write = () => Promise<readonly UnitOutcome[]>;

/** The next commit waits at a gate. `answer` is what it becomes. */
function holdCommit(db: GatedDb, answer: (write: Write) => ReturnType<Write> = (write) => write()) {
  const [door, sent] = [gate(), gate()];
  db.onceInCommit(async (units) => {
    sent.open();
    await door.opened;
    return answer(() => db.inner.commit(units));
  });
  return { sent: sent.opened, open: door.open };
}

/** One call whose commit waits at a gate, and some that were decided behind it. `answer` is what the commit becomes. */
async function behindACommit({ db, credits }: Bench, answer?: (write: Write) => ReturnType<Write>) {
  await credits.addCredits('u', 100);
  const { sent, open } = holdCommit(db, answer);
  const first = credits.deductCredits('u', 1);
  await sent;
  const others = Array.from({ length: CALLS }, (_, n) => credits.deductCredits('u', 2, { idempotencyKey: `k${n}` }));
  await nextTurn();
  await nextTurn();
  return { first, others, open };
}

describe('calls behind a commit', () => {
  test('are sent before anybody hears of it, and read nothing', async () => {
    const world = bench();
    const { first, others, open } = await behindACommit(world);
    const { db } = world;
    let reads = 0;
    db.methods.getMany = (...args) => {
      reads++;
      return db.inner.getMany(...args);
    };
    const before = db.commits.length;
    const commitsWhenTold = first.then(() => db.commits.length);
    open();
    expect(await commitsWhenTold).toBe(before + 1);
    const balances = (await Promise.all(others)).map(({ balanceAfter }) => balanceAfter);
    expect(balances).toEqual([97, 95, 93, 91, 89, 87]);
    expect([reads, db.commits.length]).toEqual([0, before + 1]);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  const endings: Record<string, (world: Bench) => (write: Write) => ReturnType<Write>> = {
    'that met another writer': (world) => async (write) => {
      await world.open().credits.deductCredits('u', 40);
      return write();
    },
    'that was refused for a lock': () => async () => [{ status: 'locked' }],
    'that never arrived': () => async () => unknown([[]]),
    'whose answer was lost': () => async (write) => {
      await write();
      return unknown([[]]);
    },
    'that the store could not take': () => async () => {
      throw new Error('no connection');
    },
    'whose data was refused': () => async () => [{ status: 'rejected', cause: new Error('no') }],
  };
  for (const [what, answerOf] of Object.entries(endings)) {
    test(`${what} are decided again, in their order`, async () => {
      const world = bench();
      const { first, others, open } = await behindACommit(world, answerOf(world));
      open();
      const code = await endOf(first);
      const left = (what === 'that met another writer' ? 60 : 100) - (code === 'resolved' ? 1 : 0);
      const balances = (await Promise.all(others)).map(({ balanceAfter }) => balanceAfter);
      expect(balances).toEqual(Array.from({ length: CALLS }, (_, n) => left - 2 * (n + 1)));
      expect((await world.credits.getUserCreditsInfo('u')).balance).toBe(left - 2 * CALLS);
      expect(await audit(world.db.inner, 'credits/u')).toEqual([]);
    });
  }

  test('whose time is up meanwhile are never written', async () => {
    const world = bench();
    const { first, others, open } = await behindACommit(world);
    const late = endOf(world.credits.deductCredits('u', 50, { timeoutMs: 30 }));
    await nextTurn();
    expect(await late).toMatch(/^TIMEOUT|^CONTENTION/);
    open();
    await Promise.all([first, ...others]);
    expect((await world.credits.getUserCreditsInfo('u')).balance).toBe(87);
  });

  test('and are given up by their callers after they were decided are never written', async () => {
    const world = bench();
    const { credits, db } = world;
    await credits.addCredits('u', 100);
    const { sent, open } = holdCommit(db);
    const first = credits.deductCredits('u', 1);
    await sent;
    const stop = new AbortController();
    const given = endOf(credits.deductCredits('u', 50, { signal: stop.signal }));
    const kept = credits.deductCredits('u', 2);
    await nextTurn();
    await nextTurn();
    stop.abort();
    expect(await given).toBe('ABORTED not_applied');
    open();
    expect([(await first).balanceAfter, (await kept).balanceAfter]).toEqual([99, 97]);
  });

  test('with the key of a call in it are its replays', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    const { sent, open } = holdCommit(db);
    const first = credits.deductCredits('u', 5, { idempotencyKey: 'same' });
    await sent;
    const again = Array.from({ length: 3 }, () => credits.deductCredits('u', 5, { idempotencyKey: 'same' }));
    await nextTurn();
    open();
    const { id } = await first;
    for (const result of await Promise.all(again)) expect(result).toMatchObject({ id, replayed: true });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(95);
  });

  test('are decided again where the commit took long, on the time of then', async () => {
    const { db, credits, clock } = bench();
    await credits.addCredits('u', 100, { expiresAt: new Date(clock.now().getTime() + 60_000) });
    const { sent, open } = holdCommit(db);
    const first = credits.deductCredits('u', 1);
    await sent;
    const behind = endOf(credits.deductCredits('u', 1));
    await nextTurn();
    await nextTurn();
    clock.advance({ seconds: 61 });
    await sleep(300);
    open();
    await first;
    expect(await behind).toBe('INSUFFICIENT_CREDITS not_applied');
  });

  test('do not keep other accounts waiting', async () => {
    const { db, credits } = bench();
    const hot = Array.from({ length: 8 }, (_, n) => `hot-${n}`);
    for (const user of [...hot, 'rare']) await credits.addCredits(user, 1_000_000);
    db.methods.commit = async (units, options) => {
      await sleep(1);
      return db.inner.commit(units, options);
    };
    let over = false;
    const loops = hot.flatMap((user) =>
      Array.from({ length: 3 }, async () => {
        let calls = 0;
        for (; !over && calls < 2_000; calls++) await credits.deductCredits(user, 1);
        return calls;
      }),
    );
    await sleep(20);
    for (let n = 0; n < 20; n++) await credits.deductCredits('rare', 1);
    over = true;
    expect(Math.max(...(await Promise.all(loops)))).toBeLessThan(2_000);
    expect(db.commits.every((units) => units.some(isMoney))).toBe(true);
  });
});
