/** Queries over the ledger, against a filter of every row: what they find, in which order, to the end. */
import { describe, expect, test } from 'vitest';
import { isCreditError, type LedgerEntry, type LedgerQuery, type Row } from '../../src/index.js';
import { entryTypeSchema } from '../../src/models/entry.js';
import {
  type AnyDb,
  entriesOf,
  jsonDb,
  memoryDb,
  openWorld,
  richWorld,
  START,
  type World,
} from '../support/audit-world.js';

async function all({ manager }: World, query: LedgerQuery, limit?: number): Promise<LedgerEntry[]> {
  const items: LedgerEntry[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await manager.ledger.list({
      ...query,
      ...(limit !== undefined && { limit }),
      ...(cursor !== undefined && { cursor }),
    });
    expect(page.items.length).toBeLessThanOrEqual(limit ?? 20);
    if (page.nextCursor !== null) expect(page.items.length).toBeGreaterThan(0);
    items.push(...page.items);
    if (page.nextCursor === null) return items;
    cursor = page.nextCursor;
  }
}

/** What a query selects, plainly. */
function selected(rows: readonly Row[], query: LedgerQuery): Row[] {
  const ms = (value: Date | string | undefined, otherwise: number) =>
    value === undefined ? otherwise : new Date(value).getTime();
  return rows.filter((row) => {
    const at = (row.at as Date).getTime();
    const { userId, creditType = 'credits', correlationId, operationId, types } = query;
    if (userId !== undefined && row.account !== `${creditType}/${userId}`) return false;
    if (correlationId !== undefined && row.correlationId !== correlationId) return false;
    if (operationId !== undefined && row.operationId !== operationId) return false;
    if (types !== undefined && !types.includes(row.type as never)) return false;
    return at >= ms(query.from, Number.NEGATIVE_INFINITY) && at <= ms(query.to, Number.POSITIVE_INFINITY);
  });
}

/** The ledger, its rows, and instants at which something happened. */
async function setting(db: AnyDb) {
  const world = await richWorld({ db });
  const rows = await entriesOf(world.db);
  const instants = [...new Set(rows.map((row) => (row.at as Date).toISOString()))].sort();
  return { world, rows, instants };
}

/** Every kind of query that is allowed. */
function queries(rows: readonly Row[], instants: readonly string[]): LedgerQuery[] {
  const first = instants[0] as string;
  const middle = instants[instants.length >> 1] as string;
  const last = instants.at(-1) as string;
  const periods: Pick<LedgerQuery, 'from' | 'to'>[] = [
    {},
    { from: middle },
    { to: middle },
    { from: middle, to: middle },
    { from: first, to: last },
    { from: new Date(Date.parse(middle) + 1) },
    { to: new Date(Date.parse(middle) - 1) },
    { from: '2040-01-01T00:00:00+05:30' },
    { to: '2001-01-01T00:00:00Z' },
    { from: new Date(first), to: '2030-01-02T01:00:00+01:00' },
  ];
  const types: Pick<LedgerQuery, 'types'>[] = [
    {},
    { types: ['error'] },
    { types: ['system'] },
    { types: ['add', 'deduct'] },
    { types: ['plan_changed'] },
    { types: [...entryTypeSchema.options] },
  ];
  const by: LedgerQuery[] = [
    {},
    ...['ann', 'hal', 'bob', 'cat', 'dan', 'eve', 'nobody'].map((userId) => ({ userId })),
    { userId: 'ann', creditType: 'image' },
    { userId: 'ann', creditType: 'credits' },
    { userId: 'bob', creditType: 'image' },
    { correlationId: 'flow-1' },
    { correlationId: 'late' },
    { correlationId: 'none' },
  ];
  const operations = [...new Set(rows.map((row) => row.operationId as string))].map((operationId) => ({ operationId }));
  const periodic = by.flatMap((one) => periods.flatMap((two) => types.map((three) => ({ ...one, ...two, ...three }))));
  return [
    ...periodic,
    ...operations,
    ...operations.slice(0, 20).flatMap((one) => types.map((two) => ({ ...one, ...two }))),
  ];
}

describe.each([
  ['in memory', memoryDb, 1],
  ['as JSON', jsonDb, 23],
] as const)('list %s', (_, make, step) => {
  test('finds exactly what a filter of every row finds, in both orders, one the other reversed', async () => {
    const { world, rows, instants } = await setting(make());
    let found = 0;
    const some = queries(rows, instants).filter((_, i) => i % step === 0);
    for (const query of some) {
      const expected = selected(rows, query)
        .map((row) => row.id as string)
        .sort();
      const oldest = await all(world, { ...query, order: 'oldest' });
      const newest = await all(world, { ...query, order: 'newest' });
      const byDefault = await all(world, query, 100);
      expect({ query, ids: oldest.map(({ id }) => id).sort() }).toEqual({ query, ids: expected });
      expect(newest.map(({ id }) => id)).toEqual(oldest.map(({ id }) => id).toReversed());
      expect(byDefault).toEqual(newest);
      // By an operation or of one account the sequence is the order, else the instant.
      const order = query.operationId === undefined ? oldest.map(({ createdAt }) => createdAt.getTime()) : [];
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      found += expected.length;
    }
    console.log(`${some.length} queries found ${found} entries`);
  });

  test('pages of every size end, without a gap and without a repeat', async () => {
    const { world, rows } = await setting(make());
    const some: LedgerQuery[] = [{}, { userId: 'ann' }, { correlationId: 'flow-1' }, { types: ['add', 'error'] }];
    for (const query of some) {
      for (const order of ['oldest', 'newest'] as const) {
        const whole = await all(world, { ...query, order }, 100);
        expect(whole.map(({ id }) => id).sort()).toEqual(
          selected(rows, query)
            .map((row) => row.id as string)
            .sort(),
        );
        for (const limit of step === 1 ? [1, 2, 3, 5, 7, 19, 66, 67, 68] : [7]) {
          expect(await all(world, { ...query, order }, limit)).toEqual(whole);
        }
      }
    }
  });
});

test('pages stay whole while many rows share one instant, and one sequence', async () => {
  const world = openWorld();
  const { credits } = world.manager;
  // One instant: thirty accounts of the same sequence, thirty refusals of none, one operation of many entries.
  for (let i = 0; i < 30; i++) await credits.addCredits(`u-${i % 15}`, 1, { correlationId: 'all' });
  for (let i = 0; i < 30; i++) await credits.deductCredits(`u-${i % 15}`, 99, { correlationId: 'all' }).catch(() => {});
  for (let i = 0; i < 9; i++) await credits.addCredits('u-0', 1, { expiresAt: '2030-01-01T01:00:00Z' });
  world.clock.advance({ hours: 2 });
  await credits.expireCredits('u-0');
  const operationId = (await world.manager.ledger.list({ types: ['expire'] })).items[0]?.operationId as string;
  expect(new Set((await entriesOf(world.db)).map((row) => (row.at as Date).getTime())).size).toBe(2);
  for (const query of [
    {},
    { correlationId: 'all' },
    { userId: 'u-0' },
    { operationId },
    { types: ['error'] as const },
  ]) {
    for (const order of ['oldest', 'newest'] as const) {
      const whole = await all(world, { ...query, order }, 100);
      for (const limit of [1, 4, 9, 10]) {
        const ids = (await all(world, { ...query, order }, limit)).map(({ id }) => id);
        expect(ids).toEqual(whole.map(({ id }) => id));
        expect(new Set(ids).size).toBe(ids.length);
      }
    }
  }
  const expired = await all(world, { operationId, order: 'oldest' });
  expect(expired.map(({ type }) => type)).toEqual(Array.from({ length: 9 }, () => 'expire'));
  expect(expired.map(({ seq }) => seq)).toEqual(expired.map(({ seq }) => seq).toSorted((a, b) => a - b));
});

test('what is written behind a page does not disturb it', async () => {
  const world = openWorld();
  const { credits } = world.manager;
  for (let i = 0; i < 12; i++) await credits.addCredits('u', 1);
  const before = (await all(world, { userId: 'u', order: 'newest' })).map(({ id }) => id);
  const first = await world.manager.ledger.list({ userId: 'u', limit: 5 });
  await credits.addCredits('u', 1);
  const rest = await world.manager.ledger.list({ userId: 'u', limit: 100, cursor: first.nextCursor as string });
  expect([...first.items, ...rest.items].map(({ id }) => id)).toEqual(before);
});

describe('an entry as it is listed', () => {
  test('amounts in credits, instants as dates, nothing of an account where there is none', async () => {
    const { manager } = await richWorld();
    const { items } = await manager.ledger.list({ userId: 'ann', types: ['add'], order: 'oldest', limit: 3 });
    expect(items[1]).toEqual({
      id: 'id-000004',
      eventType: 'transaction',
      type: 'add',
      operation: expect.any(String),
      operationId: 'id-000004',
      userId: 'ann',
      creditType: 'credits',
      seq: 3,
      message: 'Credits added',
      amount: 100,
      delta: 100,
      balanceAfter: 105,
      availableAfter: 105,
      correlationId: 'flow-1',
      actor: 'admin-1',
      reason: 'first',
      description: 'Größe ✓ 😀 "quoted" \\ back',
      metadata: { order: 7, note: 'ünï', nested: { list: [1, 2.5, true] } },
      details: expect.objectContaining({ grant: expect.objectContaining({ source: 'purchase', planId: 'plan-1' }) }),
      createdAt: new Date(START),
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(items[2]).toMatchObject({ amount: 40.25, delta: 0, balanceAfter: 105 });
    const [system] = (await manager.ledger.list({ types: ['system'] })).items;
    expect(system).toMatchObject({ eventType: 'system', userId: null, creditType: null, seq: 0, amount: 0 });
    const [refusal] = (await manager.ledger.list({ userId: 'dan' })).items;
    expect(refusal).toMatchObject({
      eventType: 'error',
      type: 'error',
      userId: 'dan',
      seq: 0,
      details: { code: 'INSUFFICIENT_CREDITS', requested: 1, balance: 0, reserved: 0, available: 0 },
    });
  });

  test('is a copy: changing it, or the query, changes nothing', async () => {
    const world = await richWorld();
    const { manager } = world;
    const types = ['add'] as const;
    const query: LedgerQuery = { userId: 'ann', types: [...types], from: new Date(START), order: 'oldest' };
    const given = structuredClone(query);
    const before = structuredClone(await manager.ledger.list(query));
    const page = await manager.ledger.list(query);
    for (const item of page.items) {
      const loose = item as unknown as { metadata: Record<string, unknown>; details: Record<string, unknown> };
      loose.metadata.order = 'changed';
      (loose.metadata.nested as { list: unknown[] } | undefined)?.list.push('changed');
      loose.details.grant = null;
      item.createdAt.setTime(0);
      Object.assign(item, { amount: -1, hash: 'changed' });
    }
    (page.items as LedgerEntry[]).length = 0;
    (query.from as Date).setTime(0);
    expect(await manager.ledger.list(given)).toEqual(before);
    expect(await manager.ledger.verify()).toMatchObject({ ok: true });
  });
});

describe('a bad query is INVALID_ARGUMENT and names the field', () => {
  const bad: [string, unknown, string][] = [
    ['a user that is none', { userId: '' }, 'userId'],
    ['a user with a line break', { userId: 'a\n' }, 'userId'],
    ['a long user', { userId: 'x'.repeat(256) }, 'userId'],
    ['a credit type that is none', { userId: 'u', creditType: '' }, 'creditType'],
    ['a credit type without a user', { creditType: 'image' }, 'creditType'],
    ['a credit type beside a correlation id', { correlationId: 'c', creditType: 'image' }, 'creditType'],
    ['a correlation id that is none', { correlationId: 5 }, 'correlationId'],
    ['an operation id that is none', { operationId: null }, 'operationId'],
    ['a user and a correlation id', { userId: 'u', correlationId: 'c' }, 'correlationId'],
    ['a user and an operation id', { userId: 'u', operationId: 'o' }, 'operationId'],
    ['both ids', { correlationId: 'c', operationId: 'o' }, 'operationId'],
    ['an operation id and from', { operationId: 'o', from: START }, 'from'],
    ['an operation id and to', { operationId: 'o', to: START }, 'to'],
    ['a period backwards', { from: '2031-01-01T00:00:00Z', to: START }, 'from'],
    ['a day that is none', { from: '2030-02-30T00:00:00Z' }, 'from'],
    ['an instant without an offset', { to: '2030-01-01T00:00:00' }, 'to'],
    ['an instant as a number', { from: 0 }, 'from'],
    ['an invalid date', { to: new Date(Number.NaN) }, 'to'],
    ['a type that is none', { types: ['add', 'bribe'] }, 'types.1'],
    ['types as a text', { types: 'add' }, 'types'],
    ['no limit', { limit: 0 }, 'limit'],
    ['too high a limit', { limit: 101 }, 'limit'],
    ['half a limit', { limit: 1.5 }, 'limit'],
    ['a limit as a text', { limit: '5' }, 'limit'],
    ['another order', { order: 'asc' }, 'order'],
    ['a cursor of somebody', { cursor: 'x' }, 'cursor'],
    ['an empty cursor', { cursor: '' }, 'cursor'],
    ['a cursor as an object', { cursor: {} }, 'cursor'],
    ['no time', { timeoutMs: 0 }, 'timeoutMs'],
    ['a signal that is none', { signal: {} }, 'signal'],
    ['a misspelt field', { user: 'u' }, 'options'],
    ['no object', 'u', 'options'],
    ['null', null, 'options'],
  ];

  test.each(bad)('%s', async (_, query, path) => {
    const { manager } = openWorld();
    const call = manager.ledger.list(query as LedgerQuery);
    const error = await call.catch((cause: unknown) => cause);
    expect(isCreditError(error, 'INVALID_ARGUMENT')).toBe(true);
    const { details, message } = error as { details: { path: string }; message: string };
    // Of two fields that do not go together either may be named.
    const fields = path === 'options' ? ['options'] : [path, ...Object.keys(query as object)];
    expect(fields).toContain(details.path);
    expect(message).toContain(details.path);
  });

  test('the cursor of another query', async () => {
    const { manager } = await richWorld();
    const { nextCursor } = await manager.ledger.list({ limit: 2 });
    for (const query of [{ userId: 'ann' }, { correlationId: 'flow-1' }, { operationId: 'id-000018' }]) {
      const error = await manager.ledger.list({ ...query, cursor: nextCursor as string }).catch((cause) => cause);
      expect([error.code, error.details?.path]).toEqual(['INVALID_ARGUMENT', 'cursor']);
    }
  });

  test('an aborted signal is ABORTED', async () => {
    const { manager } = openWorld();
    const error = await manager.ledger.list({ signal: AbortSignal.abort() }).catch((cause) => cause);
    expect(isCreditError(error, 'ABORTED')).toBe(true);
  });

  test('what is undefined is absent', async () => {
    const { manager } = await richWorld();
    const nothing = { userId: undefined, creditType: undefined, from: undefined, types: undefined, cursor: undefined };
    expect(await manager.ledger.list(nothing)).toEqual(await manager.ledger.list());
  });
});
