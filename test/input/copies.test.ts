/** Rule 48: objects that callers pass in are neither kept nor changed, objects handed out are copies. */
import { expect, test } from 'vitest';
import { bench } from '../backends/gated-db.js';
import { dump } from '../support/dump.js';
import { QUIET } from '../support/quiet.js';

/** Frozen all the way down, so that any change throws. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof AbortSignal)) {
    for (const part of Object.values(value)) frozen(part);
    Object.freeze(value);
  }
  return value;
}

/** Changes everything that can be changed, all the way down. */
function vandalise(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (value instanceof Date) {
    value.setTime(0);
    return;
  }
  const object = value as Record<string, unknown>;
  for (const [name, part] of Object.entries(object)) {
    vandalise(part);
    if (typeof part === 'number') object[name] = part + 1_000;
    else if (typeof part === 'string') object[name] = 'vandalised';
    else if (typeof part === 'boolean') object[name] = !part;
  }
  if (Array.isArray(value)) value.push('vandalised');
  else object.vandalised = true;
}

test('frozen arguments are fine everywhere, and null prototypes too', async () => {
  const { credits } = bench();
  const notes = frozen({ description: 'd', metadata: { a: { b: [1, { c: 2 }] } }, actor: 'a', reason: 'r' });
  await credits.addCredits('u', 100, frozen({ ...notes, expiresAt: new Date('2031-01-01T00:00:00Z') }));
  const hold = frozen(await credits.reserveCredits('u', 10, notes));
  await credits.extendReservation(hold, frozen({ ttlSeconds: 60 }));
  await credits.commitReservedCredits(hold, frozen({ amount: 3, final: false, metadata: { a: 1 } }));
  await credits.releaseReservedCredits(hold, notes);
  const { out } = await credits.transferCredits(frozen({ from: 'u', to: 'v', amount: 1 }), notes);
  expect(out.metadata).toEqual(notes.metadata);
  await credits.getUsersCreditsInfo(frozen(['u', 'v']));
  await credits.getCreditHistory('u', frozen({ types: ['add'], from: new Date(0) } as const));
  const bare = Object.assign(Object.create(null), { metadata: Object.assign(Object.create(null), { a: 1 }) });
  expect((await credits.addCredits('u', 1, bare)).metadata).toEqual({ a: 1 });
});

test('arguments changed right after the call make no difference, and stay as the caller left them', async () => {
  const { credits } = bench();
  const options = {
    description: 'before',
    metadata: { a: { b: [1, 2] } },
    expiresAt: new Date('2031-01-01T00:00:00Z'),
    idempotencyKey: 'k',
  };
  const adding = credits.addCredits('u', 100, options);
  vandalise(options);
  const left = structuredClone(options);
  const entry = await adding;
  expect(entry).toMatchObject({ description: 'before', metadata: { a: { b: [1, 2] } }, idempotencyKey: 'k' });
  const { items } = await credits.getGrants('u');
  expect(items[0]?.expiresAt).toEqual(new Date('2031-01-01T00:00:00Z'));
  expect(options).toEqual(left);

  const transfer = { from: 'u', to: 'v', amount: 10 };
  const moving = credits.transferCredits(transfer);
  transfer.to = 'w';
  transfer.amount = 50;
  expect((await moving).in).toMatchObject({ userId: 'v', delta: 10 });

  const hold = await credits.reserveCredits('u', 10);
  const ref = { id: hold.id };
  const more = { amount: 3, metadata: { a: 1 } };
  const committing = credits.commitReservedCredits(ref, more);
  ref.id = 'r-x';
  more.amount = 9;
  more.metadata.a = 2;
  expect(await committing).toMatchObject({ delta: -3, metadata: { a: 1 } });
  expect((await credits.getUsersCreditsInfo(['u', 'v', 'w'])).map((info) => info.balance)).toEqual([87, 10, 0]);
});

test('what a call answers is a copy: changing it changes nothing stored and no later answer', async () => {
  const { db, credits } = bench();
  const metadata = { a: { b: [1, 2] } };
  const added = await credits.addCredits('u', 100, {
    metadata,
    idempotencyKey: 'k',
    expiresAt: '2031-01-01T00:00:00Z',
  });
  const hold = await credits.reserveCredits('u', 10, { metadata, idempotencyKey: 'h' });
  const calls: (() => Promise<unknown>)[] = [
    () => credits.addCredits('u', 100, { metadata, idempotencyKey: 'k', expiresAt: '2031-01-01T00:00:00Z' }),
    () => credits.reserveCredits('u', 10, { metadata, idempotencyKey: 'h' }),
    () => credits.getUserCreditsInfo('u'),
    () => credits.getUsersCreditsInfo(['u', 'u']),
    () => credits.getBalanceAt('u', '2030-06-01T00:00:00Z'),
    () => credits.getCreditHistory('u', { includeHolds: true }),
    () => credits.getTransaction(added.id),
    () => credits.getGrants('u'),
    () => credits.getGrants('u', { includeClosed: true }),
    () => credits.getExpiringCreditsInDays('u', 3_650),
    () => credits.getActiveReservations('u'),
    () => credits.getReservation(hold.id),
    () => credits.previewDeduction('u', 5),
    () => credits.listAccounts(),
  ];
  const before = await dump(db.inner);
  for (const call of calls) {
    const [first, twin] = [await call(), await call()];
    const kept = structuredClone(first);
    expect(twin).toEqual(kept);
    vandalise(first);
    expect(first, String(call)).not.toEqual(kept);
    expect(twin, String(call)).toEqual(kept);
    expect(await call(), String(call)).toEqual(kept);
  }
  expect(await dump(db.inner)).toBe(before);
  vandalise(added);
  vandalise(hold);
  const ended = await credits.commitReservedCredits(hold.id === 'vandalised' ? await heldId() : hold.id);
  expect(ended).toMatchObject({ delta: -10, balanceAfter: 90 });

  async function heldId(): Promise<string> {
    return (await credits.getActiveReservations('u')).items[0]!.id;
  }
});

test('callers that share one answer in flight do not share one object', async () => {
  const { credits } = bench();
  const metadata = { a: [1] };
  const answers = await Promise.all(
    Array.from({ length: 3 }, () => credits.addCredits('u', 5, { metadata, idempotencyKey: 'k' })),
  );
  vandalise(answers[0]);
  const { id } = answers[1]!;
  expect(answers[1]).toMatchObject({ delta: 5, metadata: { a: [1] } });
  expect(answers[2]).toMatchObject({ delta: 5, metadata: { a: [1] } });
  expect((await credits.getTransaction(id))?.delta).toBe(5);
});

test('events handed to callbacks are copies, one for each of them', async () => {
  const { manager, credits } = bench({ logger: QUIET });
  const seen: unknown[] = [];
  manager.on('credits.recharged', (event) => {
    vandalise(event);
  });
  manager.on('*', (event) => {
    if (event.type === 'credits.recharged') seen.push(event.data);
  });
  manager.on('credits.recharged', () => {
    throw new Error('a callback that fails');
  });
  await credits.addCredits('u', 5);
  expect(seen).toMatchObject([{ amount: 5, balance: 5 }]);
});

test('undefined options are as if they were absent', async () => {
  const { credits } = bench();
  const nothing = {
    idempotencyKey: undefined,
    correlationId: undefined,
    description: undefined,
    metadata: undefined,
    actor: undefined,
    reason: undefined,
    session: undefined,
    signal: undefined,
    timeoutMs: undefined,
  };
  await credits.addCredits('u', 100, { ...nothing, source: undefined, expiresAt: undefined, priority: undefined });
  const hold = await credits.reserveCredits('u', 10, { ...nothing, ttlSeconds: undefined, planId: undefined });
  const more = { ...nothing, amount: undefined, final: undefined, overage: undefined, ifExpired: undefined };
  expect(await credits.commitReservedCredits(hold, more)).toMatchObject({ delta: -10 });
  expect((await credits.commitReservedCredits(hold, {})).replayed).toBe(true);
  expect((await credits.commitReservedCredits(hold)).replayed).toBe(true);
  await credits.createAccount('u', { ...nothing, trialCredits: undefined, overdraftLimit: undefined });
  expect((await credits.createAccount('u')).replayed).toBe(true);
  await credits.getCreditHistory('u', { limit: undefined, cursor: undefined, from: undefined, types: undefined });
});
