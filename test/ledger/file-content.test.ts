/** What stands in the file: one line an entry, its hashed bytes, in the order of the commits. */
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { testClock } from '../../src/entries/testing.js';
import { createCreditManagement, type Unit } from '../../src/index.js';
import { QUIET } from '../support/quiet.js';
import { until } from '../support/wait.js';
import { caughtUp, folder, LastingDb, openFile } from './file-folder.js';
import { bytesOf, entriesOf, idsIn, judge, parsed, splitLines, textsOf } from './file-oracle.js';

/** Remembers the ids of entries in the order in which they were committed. */
class RememberingDb extends LastingDb {
  readonly order: string[] = [];

  override commit: LastingDb['commit'] = async (units, options) => {
    const outcomes = await LastingDb.prototype.commit.call(this, units, options);
    for (const [i, { status }] of outcomes.entries()) {
      if (status !== 'committed') continue;
      for (const change of units[i] as Unit) {
        if (change.op === 'insert' && change.model === 'entry') this.order.push(String(change.row.id));
      }
    }
    return outcomes;
  };
}

/** Every verb, with what time brings about between them. */
async function everyVerb(): Promise<ReturnType<typeof openFile>> {
  const clock = testClock('2030-01-01T00:00:00Z');
  const opened = openFile({ clock, defaults: { trialCredits: 3 }, creditScale: 6 });
  const { credits } = opened;
  await credits.createAccount('u', { lowCreditThreshold: '20%', metadata: { b: 1, a: { d: null, c: [1, 'x'] } } });
  await credits.addCredits('u', 50, { idempotencyKey: 'add', expiresAt: '2030-02-01T00:00:00Z' });
  await credits.addCredits('u', 50, { idempotencyKey: 'add', expiresAt: '2030-02-01T00:00:00Z' });
  await credits.addCredits('u', '0.000001', { effectiveAt: '2030-01-20T00:00:00Z', reference: 'r', planId: 'p' });
  const spent = await credits.deductCredits('u', 10, { correlationId: 'c', actor: 'a', reason: 'r', description: '' });
  await credits.deductCreditsAfterService('u', 60);
  await credits.adjustCredits('u', 40, { actor: 'a', reason: 'r' });
  const first = await credits.reserveCredits('u', 5, { ttlSeconds: 60 });
  const second = await credits.reserveCredits('u', 5);
  await credits.commitReservedCredits(second, { amount: 8, overage: 'charge' });
  clock.advance({ minutes: 2 });
  await credits.commitReservedCredits(first, { ifExpired: 'charge' });
  const third = await credits.reserveCredits('u', 1);
  await credits.extendReservation(third, { ttlSeconds: 3_000 });
  await credits.releaseReservedCredits(third);
  await credits.reverseTransaction(spent.id, { amount: 4 });
  await credits.transferCredits({ from: 'u', to: 'v', amount: 2 });
  await credits.updateAccount('u', { overdraftLimit: 1 });
  await expect(credits.deductCredits('u', 1_000, { metadata: { why: 'too much' } })).rejects.toThrow();
  await expect(credits.commitReservedCredits(third)).rejects.toThrow();
  clock.advance({ days: 60 });
  await credits.expireCredits('u');
  return opened;
}

test('every kind of entry, refusals and acts of the library too, has the line of its hashed bytes', async () => {
  const opened = await everyVerb();
  await caughtUp(opened);
  const rows = await entriesOf(opened.db);
  const types = new Set(rows.map(({ type }) => type));
  for (const type of ['add', 'deduct', 'reserve', 'commit_reserved', 'release_reserved', 'extend_reserved', 'expire']) {
    expect(types).toContain(type);
  }
  for (const type of ['expire_reserved', 'activate', 'transfer_in', 'transfer_out', 'reverse', 'account_created']) {
    expect(types).toContain(type);
  }
  for (const type of ['account_updated', 'error', 'system']) expect(types).toContain(type);
  // The judgement compares every field, the hash and every byte with the stored entry.
  expect(await judge(opened.db, opened.path)).toEqual({ missing: [], strange: [], torn: 0, foreign: 0, repeated: 0 });
  expect(textsOf(opened.path)).toHaveLength(rows.length);
  const refusal = rows.find(({ type }) => type === 'error')?.id;
  const line = parsed(textsOf(opened.path).find((text) => parsed(text)?.id === refusal) ?? '');
  expect(line).toMatchObject({
    event_type: 'error',
    user_id: 'u',
    details: { data: { code: 'INSUFFICIENT_CREDITS' } },
  });
});

test('the file of a process is in the order of its commits', async () => {
  const db = new RememberingDb();
  const opened = openFile({ db });
  const calls = Array.from({ length: 400 }, (_, i) => {
    const user = `u${i % 5}`;
    if (i % 4 === 0) return opened.credits.deductCredits(user, 1_000_000).catch(() => {});
    if (i % 7 === 0) return opened.credits.transferCredits({ from: user, to: 'v', amount: 1 }).catch(() => {});
    return opened.credits.addCredits(user, 1);
  });
  await Promise.all(calls);
  await caughtUp(opened);
  expect(idsIn(opened.path)).toEqual(db.order);
});

test('without error entries a refusal has no line, and nothing else is missing', async () => {
  const opened = openFile({ ledger: { errors: false } });
  await opened.credits.addCredits('u', 1);
  await expect(opened.credits.deductCredits('u', 5)).rejects.toThrow();
  await caughtUp(opened);
  expect(textsOf(opened.path).map((text) => parsed(text)?.event_type)).toEqual(['system', 'transaction']);
});

test('replays, reads and invalid input write no line', async () => {
  const opened = openFile();
  const { credits, manager } = opened;
  await credits.addCredits('u', 1, { idempotencyKey: 'k' });
  await caughtUp(opened);
  const before = bytesOf(opened.path);
  await credits.addCredits('u', 1, { idempotencyKey: 'k' });
  await expect(credits.addCredits('u', 2, { idempotencyKey: 'k' })).rejects.toThrow();
  await expect(credits.addCredits('u', -1)).rejects.toThrow();
  await expect(credits.addCredits('', 1)).rejects.toThrow();
  await expect(credits.releaseReservedCredits('nothing')).rejects.toThrow();
  await credits.getUserCreditsInfo('u', { fresh: true });
  await credits.expireCredits('u');
  await manager.ledger.verify();
  await manager.close();
  expect(bytesOf(opened.path).equals(before)).toBe(true);
});

describe('a host transaction', () => {
  test('that is rolled back leaves no line, now or after reconcile', async () => {
    const opened = openFile();
    const { credits, db, manager, path } = opened;
    await credits.addCredits('u', 10);
    await caughtUp(opened);
    const before = bytesOf(path);
    const rolledBack = db.transaction(async (session) => {
      await credits.deductCredits('u', 3, { session });
      await credits.reserveCredits('u', 3, { session });
      await expect(credits.deductCredits('u', 100, { session })).rejects.toThrow();
      throw new Error('roll back');
    });
    await expect(rolledBack).rejects.toThrow('roll back');
    expect(await manager.ledger.reconcile()).toEqual({ added: 0 });
    await manager.close();
    expect(bytesOf(path).equals(before)).toBe(true);
  });

  test('that commits has none before its commit, and its lines by reconcile', async () => {
    const opened = openFile();
    const { credits, db, manager, path } = opened;
    await credits.addCredits('u', 10);
    await caughtUp(opened);
    const before = bytesOf(path);
    await db.transaction(async (session) => {
      await credits.deductCredits('u', 3, { session });
      await expect(credits.deductCredits('u', 100, { session })).rejects.toThrow();
      await manager.ledger.verify();
      expect(bytesOf(path).equals(before)).toBe(true);
    });
    await manager.ledger.verify();
    expect(bytesOf(path).equals(before)).toBe(true);
    expect((await manager.ledger.verify()).problems.map(({ kind }) => kind)).toEqual(['file_missing', 'file_missing']);
    expect(await manager.ledger.reconcile()).toEqual({ added: 2 });
    await caughtUp(opened);
    expect(await judge(db, path)).toMatchObject({ missing: [], strange: [], repeated: 0 });
  });
});

const INJECTIONS = [
  'a\nb',
  'a\r\nb',
  '\n{"id":"forged","event_type":"transaction","ledger_id":"x"}\n',
  'a\u2028b\u2029c\u0085d',
  'tab\tbell\u0007escape\u001b[31mred',
  '"},"hash":"0000000000000000000000000000000000000000000000000000000000000000"}',
  '\\n\\u000a\\',
  'é 漢 😀 \u200b\ufeff',
  "';DROP TABLE entries;--",
];

test('text that tries to forge lines makes exactly one line each, and reads back as it was given', async () => {
  const opened = openFile();
  const { credits, path, manager } = opened;
  for (const text of INJECTIONS) {
    await credits.addCredits('u', 1, { description: text, reason: text, metadata: { [text]: text, list: [text] } });
    await expect(credits.deductCredits('v', 1, { description: text, metadata: { text } })).rejects.toThrow();
  }
  await caughtUp(opened);
  const { whole, tail } = splitLines(bytesOf(path));
  expect([whole.length, tail.length]).toEqual([1 + INJECTIONS.length * 2, 0]);
  const details = whole.map((line) => parsed(line.toString('utf8'))?.details as Record<string, unknown>);
  const told = details.filter(({ type }) => type === 'add').map(({ description, reason }) => [description, reason]);
  expect(told).toEqual(INJECTIONS.map((text) => [text, text]));
  expect(whole.some((line) => line.includes('\r') || line.includes(0x1b))).toBe(false);
  expect(await judge(opened.db, path)).toMatchObject({ missing: [], strange: [] });
  expect(await manager.ledger.verify()).toMatchObject({ ok: true, file: { foreign: 0, torn: 0 } });
});

test("a host's fake timers stop neither the file nor its recovery", async () => {
  const path = join(folder(), 'ledger.jsonl');
  mkdirSync(path);
  const failing = openFile({ path });
  const fine = openFile({ ledger: { fsync: 'always' } });
  const toFake = ['setTimeout', 'setInterval', 'setImmediate', 'Date'] as const;
  vi.useFakeTimers({ toFake: [...toFake], now: new Date('2035-01-01T00:00:00Z') });
  try {
    for (let i = 0; i < 5; i++) {
      await failing.credits.addCredits('u', 1);
      await fine.credits.addCredits('u', 1);
    }
    await until(async () => (await failing.manager.health()).status === 'degraded', 'the failure is known');
    rmdirSync(path);
    await caughtUp(failing);
    for (const { manager, db, path } of [failing, fine]) {
      expect(await manager.ledger.verify()).toMatchObject({ problems: [] });
      await manager.close();
      expect(await judge(db, path)).toMatchObject({ missing: [], strange: [] });
    }
  } finally {
    vi.useRealTimers();
  }
});

test('no process that only reads, or has no file, writes one', async () => {
  const place = folder();
  const db = new LastingDb();
  const without = createCreditManagement({ db, logger: QUIET });
  await without.credits.addCredits('u', 1);
  expect((await without.health()).ledgerFile).toBeNull();
  expect((await without.health()).components.ledgerFile).toBe('disabled');
  expect((await without.ledger.verify()).file).toBeNull();
  await expect(without.ledger.reconcile()).rejects.toMatchObject({ code: 'CONFIGURATION' });
  await expect(without.ledger.rebuildFile()).rejects.toMatchObject({ code: 'CONFIGURATION' });
  const path = join(place, 'folder', 'ledger.jsonl');
  const reader = openFile({ db, path });
  await reader.credits.getUserCreditsInfo('u');
  await reader.manager.health();
  expect((await reader.manager.ledger.verify()).problems.map(({ kind }) => kind)).toEqual([
    'file_missing',
    'file_missing',
  ]);
  await reader.manager.close();
  expect(readdirSync(place)).toEqual([]);
});
