/** Calls that share a batch or a key: one's failure is its own. */
import { describe, expect, test } from 'vitest';
import type { Change, Unit, UnitOutcome } from '../../src/index.js';
import { bench, GatedDb, isMoney, unknown } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { endOf } from '../support/codes.js';

const rejected: UnitOutcome = { status: 'rejected', cause: new Error('value too long for column at db-7') };

/** The store refuses every unit in which a row has this text. */
function refuseText(db: GatedDb, text: string): void {
  const has = (change: Change) => JSON.stringify(change).includes(text);
  db.methods.commit = async (units, options) => {
    const outcomes: UnitOutcome[] = [];
    for (const unit of units) {
      if (unit.some(has)) outcomes.push(rejected);
      else outcomes.push(...(await db.inner.commit([unit], options)));
    }
    return outcomes;
  };
}

describe('a unit that the database rejects', () => {
  test('refuses only the culprit among the callers of one account', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    refuseText(db, 'poison');
    const calls = Array.from({ length: 9 }, (_, i) =>
      endOf(credits.deductCredits('u', 1, { description: i === 4 ? 'poison' : 'fine' })),
    );
    const codes = await Promise.all(calls);
    expect(codes.filter((code) => code === 'resolved')).toHaveLength(8);
    expect(codes[4]).toBe('STORAGE_UNAVAILABLE not_applied');
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(92);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('says nothing of the driver', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    refuseText(db, 'poison');
    const error: unknown = await credits.deductCredits('u', 1, { description: 'poison' }).catch((reason) => reason);
    const { message, details } = error as { message: string; details: unknown };
    expect(JSON.stringify([message, details])).not.toContain('db-7');
  });

  test('at the birth of one account does not refuse the others of its batch', async () => {
    const { db, manager, credits } = bench();
    await manager.init();
    refuseText(db, 'credits/poison');
    const users = ['a', 'b', 'poison', 'c', 'd'];
    const codes = await Promise.all(users.map((user) => endOf(credits.addCredits(user, 1))));
    expect(codes[2]).toBe('STORAGE_UNAVAILABLE not_applied');
    expect(codes.filter((code) => code === 'resolved')).toHaveLength(4);
  });

  test('does not touch the accounts that travel in the same commit', async () => {
    const { db, credits } = bench();
    for (const user of ['a', 'b', 'c']) await credits.addCredits(user, 10);
    refuseText(db, 'poison');
    const codes = await Promise.all([
      endOf(credits.deductCredits('a', 1)),
      endOf(credits.deductCredits('b', 1, { description: 'poison' })),
      endOf(credits.deductCredits('c', 1)),
      endOf(credits.transferCredits({ from: 'a', to: 'c', amount: 1 })),
    ]);
    expect(codes).toEqual(['resolved', 'STORAGE_UNAVAILABLE not_applied', 'resolved', 'resolved']);
    const infos = await credits.getUsersCreditsInfo(['a', 'b', 'c']);
    expect(infos.map((info) => info.balance)).toEqual([8, 10, 10]);
  });
});

describe('outcomes of one commit', () => {
  test('are each account’s own: committed, conflict, unknown and locked side by side', async () => {
    const { db, credits } = bench();
    const users = ['a', 'b', 'c', 'd'];
    for (const user of users) await credits.addCredits(user, 10);
    db.onceInCommit(async (units) => {
      const own = (unit: Unit) => JSON.stringify(unit);
      const outcomes: UnitOutcome[] = [];
      for (const unit of units) {
        if (own(unit).includes('credits/a')) outcomes.push({ status: 'conflict', model: 'account', key: 'credits/a' });
        else if (own(unit).includes('credits/b')) outcomes.push(...unknown([unit]));
        else if (own(unit).includes('credits/c')) outcomes.push({ status: 'locked' });
        else outcomes.push(...(await db.inner.commit([unit])));
      }
      return outcomes;
    });
    const entries = await Promise.all(users.map((user) => credits.deductCredits(user, 1)));
    expect(entries.map((entry) => entry.balanceAfter)).toEqual([9, 9, 9, 9]);
    for (const user of users) expect(await audit(db.inner, `credits/${user}`)).toEqual([]);
  });
});

describe('a key that a twin process uses at the same time', () => {
  /** Runs `twin` when the first commit of money arrives, and answers as a database that looks at unique keys first. */
  function raceWith(db: GatedDb, twin: () => Promise<unknown>): void {
    db.onceInCommit(async (units) => {
      await twin();
      const outcomes: UnitOutcome[] = [];
      for (const unit of units) outcomes.push((await duplicates(db, unit)) ?? (await db.inner.commit([unit]))[0]!);
      return outcomes;
    });
  }

  async function duplicates(db: GatedDb, unit: Unit): Promise<UnitOutcome | null> {
    const values = unit
      .filter((change) => change.op === 'insert' && change.model === 'entry')
      .map((change) => ('row' in change ? change.row.scopedKey : null))
      .filter((key) => typeof key === 'string');
    if (values.length === 0) return null;
    const query = { index: 'idempotency', anyOf: { field: 'scopedKey', values }, limit: 100 };
    const { rows } = await db.inner.find('entry', query);
    const found = rows.map((row) => ({ model: 'entry', index: 'idempotency', key: String(row.id) }));
    return found.length > 0 ? { status: 'duplicate', found } : null;
  }

  test('is answered with the twin’s result, and its neighbours are applied', async () => {
    const { db, credits, open } = bench();
    await credits.addCredits('u', 100);
    const twin = open().credits;
    let first: { id: string } | null = null;
    raceWith(db, async () => {
      first = await twin.deductCredits('u', 30, { idempotencyKey: 'k' });
    });
    const [mine, other, refused] = await Promise.all([
      credits.deductCredits('u', 30, { idempotencyKey: 'k' }),
      credits.deductCredits('u', 5),
      endOf(credits.deductCredits('u', 500)),
    ]);
    expect([mine.id, mine.replayed, other.replayed]).toEqual([first!.id, true, false]);
    expect(refused).toBe('INSUFFICIENT_CREDITS not_applied');
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(65);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('with other input is IDEMPOTENCY_CONFLICT', async () => {
    const { db, credits, open } = bench();
    await credits.addCredits('u', 100);
    const twin = open().credits;
    raceWith(db, () => twin.deductCredits('u', 30, { idempotencyKey: 'k' }));
    const code = await endOf(credits.deductCredits('u', 31, { idempotencyKey: 'k' }));
    expect(code).toBe('IDEMPOTENCY_CONFLICT not_applied');
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(70);
  });

  test('is replayed although the balance is gone, and although it was refused a moment ago', async () => {
    const { credits, open } = bench();
    await credits.addCredits('u', 30);
    expect(await endOf(credits.deductCredits('u', 40, { idempotencyKey: 'k' }))).toContain('INSUFFICIENT_CREDITS');
    const twin = open().credits;
    await twin.addCredits('u', 10);
    const first = await twin.deductCredits('u', 40, { idempotencyKey: 'k' });
    expect(await credits.deductCredits('u', 40, { idempotencyKey: 'k' })).toEqual({ ...first, replayed: true });
    expect(await endOf(credits.deductCredits('u', 40))).toContain('INSUFFICIENT_CREDITS');
  });

  test('is free again after a refusal: a refused call is not remembered, whatever its input was', async () => {
    const { credits } = bench();
    await credits.addCredits('u', 30);
    const { id } = await credits.reserveCredits('u', 10);
    expect(await endOf(credits.deductCredits('u', 40, { idempotencyKey: 'k' }))).toContain('INSUFFICIENT_CREDITS');
    expect((await credits.deductCredits('u', 4, { idempotencyKey: 'k' })).replayed).toBe(false);
    const beyond = credits.commitReservedCredits(id, { amount: 11, idempotencyKey: 'k' });
    expect(await endOf(beyond)).toContain('COMMIT_EXCEEDS_RESERVATION');
    expect((await credits.commitReservedCredits(id, { amount: 10, idempotencyKey: 'k' })).replayed).toBe(false);
    expect((await credits.commitReservedCredits(id, { amount: 10, idempotencyKey: 'k' })).replayed).toBe(true);
  });

  test('is looked up before anything that has nothing to do, or was done by another call, is answered', async () => {
    const { credits, clock } = bench();
    await credits.addCredits('u', 30, { expiresAt: '2030-01-02T00:00:00Z' });
    await credits.addCredits('u', 20);
    const [a, b] = [await credits.reserveCredits('u', 1), await credits.reserveCredits('u', 1)];
    await credits.releaseReservedCredits(a.id, { idempotencyKey: 'k' });
    await credits.releaseReservedCredits(b.id);
    expect(await endOf(credits.releaseReservedCredits(b.id, { idempotencyKey: 'k' }))).toContain(
      'IDEMPOTENCY_CONFLICT',
    );
    clock.advance({ days: 2 });
    expect(await credits.expireCredits('u', { idempotencyKey: 'k' })).toBe(30);
    expect(await credits.expireCredits('u', { idempotencyKey: 'k' })).toBe(30);
    const other = credits.expireCredits('u', { idempotencyKey: 'k', asOf: '2030-01-01T00:00:00Z' });
    expect(await endOf(other)).toContain('IDEMPOTENCY_CONFLICT');
  });
});

test('units of one commit share no document and no key', async () => {
  const db = new GatedDb();
  const { credits } = bench({}, db);
  const users = Array.from({ length: 12 }, (_, i) => `u${i % 4}`);
  await Promise.all(
    users.map((user, i) => credits.addCredits(user, 5, { idempotencyKey: `k${i % 6}` }).catch(() => {})),
  );
  await Promise.all(
    users.map((user, i) => credits.transferCredits({ from: user, to: `u${(i + 1) % 4}`, amount: 1 }).catch(() => {})),
  );
  for (const units of db.commits) {
    const documents = units.filter(isMoney).flatMap((unit) => [...new Set(unit.map(documentOf))]);
    expect(new Set(documents).size).toBe(documents.length);
  }
});

function documentOf(change: Change): string {
  return `${change.model} ${change.op === 'delete' ? change.key : String(change.row.id)}`;
}
