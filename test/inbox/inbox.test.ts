/** Messages of other systems: each is applied once, in one commit with its receipt, whoever brings it. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { type CreditEvent, creditError } from '../../src/index.js';
import { describeBackends, type Manager, type Session } from '../support/plan-world.js';
import { envelope, type Kind, message, PAYLOADS, SUBJECTS } from './messages.js';

const APPLIED = { outcome: 'applied', reason: null, deadLetterId: null };
const REPLAYED = { outcome: 'replayed', reason: null, deadLetterId: null };
const types = (events: readonly CreditEvent[]) => events.map(({ type }) => type);

async function transactionsOf({ credits }: Manager, userId = 'shop') {
  const { items } = await credits.getCreditHistory(userId, { order: 'oldest' });
  return items;
}

await describeBackends('the inbox', (openWorld) => {
  test.each<[Kind, number, object]>([
    ['paid', 20, { type: 'add', correlationId: 'c-e', metadata: { order_id: '1001', order_total: '2000' } }],
    ['billed', 49.9, { type: 'add', metadata: { payment_id: 'p-1' } }],
    ['created', 100, { type: 'add' }],
    ['adjusted', 7.5, { type: 'add', actor: 'ann', reason: 'for the wait', metadata: { ticket_number: 'T-9' } }],
    ['granted', 50, { type: 'add', reason: 'one_time_pack', metadata: { pack: 'big' } }],
    ['trial', 30, { type: 'add', reason: 'trial', metadata: { trial_days: 14 } }],
  ])('%s: its effect, its receipt, and nothing more when it comes again', async (kind, credits, entry) => {
    const world = await openWorld({ defaults: { trialCredits: kind === 'created' ? 100 : 0 } });
    const { inbox } = world.manager;
    const place = { ...message(kind, 'e'), stream: 'IN', sequence: 12 };
    expect(await inbox.receive(place)).toEqual(APPLIED);
    expect(await world.balance('shop')).toBe(credits);
    const made = (await transactionsOf(world.manager)).at(-1);
    expect(made).toMatchObject({ ...entry, correlationId: 'c-e' });
    expect(await inbox.getReceipt(SUBJECTS[kind], 'e')).toEqual({
      ...{
        subject: SUBJECTS[kind],
        eventId: 'e',
        userId: 'shop',
        operationId: made?.operationId,
        correlationId: 'c-e',
      },
      ...{ stream: 'IN', sequence: 12, receivedAt: expect.any(Date) },
    });
    const before = world.events.length;
    for (const again of [place, { ...place, sequence: 13 }]) expect(await inbox.receive(again)).toEqual(REPLAYED);
    expect(await world.open().inbox.receive(place)).toEqual(REPLAYED);
    // The business id is the same; another message tells of it.
    if (kind !== 'trial') expect(await inbox.receive(message(kind, 'other'))).toEqual(REPLAYED);
    expect(world.events.length).toBe(before);
    expect(await world.balance('shop')).toBe(credits);
    await world.expectSound();
  });

  test('a refund takes back, also when it comes before its order', async () => {
    const world = await openWorld({});
    const { inbox, credits } = world.manager;
    expect(await inbox.receive(message('refunded', 'e-1'))).toEqual(APPLIED);
    expect(await inbox.receive(message('refunded', 'e-1'))).toEqual(REPLAYED);
    expect(await inbox.receive(message('paid', 'e-2'))).toEqual(APPLIED);
    expect(await world.balance('shop')).toBe(10);
    expect(await inbox.receive(message('refunded', 'e-3', { ...PAYLOADS.refunded, refund_id: 'r-2' }))).toEqual(
      APPLIED,
    );
    expect(await world.balance('shop')).toBe(0);
    expect((await credits.getCreditHistory('shop')).items[0]).toMatchObject({
      type: 'claw_back',
      correlationId: 'c-e-3',
    });
    await world.expectSound();
  });

  test('a grant of 50 at 100 is told once; a fall to the threshold and to zero too, with the request', async () => {
    const world = await openWorld({ defaults: { lowCreditThreshold: 20 } });
    const { inbox, credits } = world.manager;
    await credits.addCredits('shop', 100);
    world.events.length = 0;
    await inbox.receive(message('granted', 'e-1'));
    expect(types(world.events)).toEqual(['credits.recharged']);
    expect(world.events[0]).toMatchObject({ correlationId: 'c-e-1', data: { balance: 150, reference: 'r1' } });
    expect(await inbox.receive(message('granted', 'e-2'))).toEqual(REPLAYED);
    expect(world.events.length).toBe(1);
    await credits.deductCredits('shop', 135, { correlationId: 'request-7' });
    const low = world.events.filter(({ type }) => type === 'credits.low_balance_reached');
    expect(low).toMatchObject([{ correlationId: 'request-7', data: { balance: 15, threshold: 20 } }]);
    await credits.deductCredits('shop', 15);
    expect(types(world.events).filter((type) => type === 'credits.balance_exhausted').length).toBe(1);
  });

  test('200 first messages of one merchant at once: one trial grant, one account', async () => {
    const world = await openWorld({ defaults: { trialCredits: 25 } });
    const managers = [world.manager, world.open(), world.open()];
    const receiving = Array.from({ length: 200 }, (_, i) => {
      const { inbox } = managers[i % 3] as Manager;
      const adjusted = { ...PAYLOADS.adjusted, adjustment_id: i };
      return inbox.receive(i % 2 === 0 ? message('created', `e-${i}`) : message('adjusted', `e-${i}`, adjusted));
    });
    const outcomes = (await Promise.all(receiving)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'dead_lettered')).toEqual([]);
    expect(await world.balance('shop')).toBe(25 + 100 * 7.5);
    expect(world.count('credits.account.created')).toBe(1);
    const trials = (await world.manager.credits.getGrants('shop', { source: 'trial' })).items;
    expect(trials.length).toBe(1);
    await world.expectSound();
  });

  test('an account with options of its own is created already', async () => {
    const world = await openWorld({});
    await world.manager.credits.createAccount('shop', { overdraftLimit: 5 });
    expect(await world.manager.inbox.receive(message('created', 'e'))).toEqual(REPLAYED);
  });

  test.each<[string, Kind, object]>([
    ['another amount', 'adjusted', { ...PAYLOADS.adjusted, amount: 8 }],
    ['another business id', 'adjusted', { ...PAYLOADS.adjusted, adjustment_id: 'a-2' }],
    ['another merchant', 'paid', { ...PAYLOADS.paid, merchant_id: 'other' }],
  ])('a message of the same id with %s is kept as a dead letter', async (_, kind, payload) => {
    const world = await openWorld({ timeoutMs: 60_000 });
    const { inbox } = world.manager;
    const dead = { outcome: 'dead_lettered', deadLetterId: expect.any(String) };
    await inbox.receive(message(kind, 'e'));
    const events = world.count('credits.recharged') + world.count('credits.adjusted');
    expect(await inbox.receive(message(kind, 'e', payload))).toMatchObject(dead);
    expect(await world.open().inbox.receive(message(kind, 'e', payload))).toMatchObject(dead);
    const both = [message(kind, 'f', payload), message(kind, 'f')].map((one) => inbox.receive(one));
    await Promise.all(both);
    expect((await inbox.listDeadLetters()).items).toContainEqual(
      expect.objectContaining({ code: 'IDEMPOTENCY_CONFLICT', eventId: 'e', subject: SUBJECTS[kind] }),
    );
    expect(await inbox.getReceipt(SUBJECTS[kind], 'e')).not.toBeNull();
    expect(events).toBe(1);
    await world.expectSound();
  });

  test('two processes that take one id for two messages at once apply one of them', async () => {
    const world = await openWorld({ timeoutMs: 60_000 });
    const managers = [world.manager, world.open()];
    const taken = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const both = managers.map(({ inbox }, at) =>
          inbox.receive(
            message('adjusted', `e-${i}`, { ...PAYLOADS.adjusted, merchant_id: `m${at}`, adjustment_id: i }),
          ),
        );
        return (await Promise.all(both)).map(({ outcome }) => outcome).toSorted();
      }),
    );
    expect(new Set(taken.map(String))).toEqual(new Set(['applied,dead_lettered']));
    expect((await world.balance('m0')) + (await world.balance('m1'))).toBe(20 * 7.5);
  });

  test('a handler of the host writes in one transaction with the receipt', async () => {
    const world = await openWorld({});
    const managers = [world.manager, world.open()] as const;
    const runs: string[] = [];
    for (const { inbox, credits } of managers) {
      inbox.on(
        'quiz.finished',
        z.object({ user: z.string(), points: z.int() }),
        async ({ payload, eventId, options }) => {
          runs.push(eventId);
          await credits.addCredits(payload.user, payload.points, options);
          if (payload.points === 13) throw creditError('LIMIT_EXCEEDED', 'No thirteen.', { what: 'points', limit: 12 });
          if (payload.points === 14) return { rejected: 'no fourteen' };
          if (payload.points === 15 && runs.filter((id) => id === eventId).length < 3) throw new Error('try later');
          return undefined;
        },
      );
    }
    const told = (eventId: string, points: unknown) => ({
      subject: 'quiz.finished',
      body: JSON.stringify({ specversion: '1.0', id: eventId, type: 'quiz', data: { user: 'shop', points } }),
    });
    const [{ inbox }, other] = managers;
    expect(await inbox.receive(told('e-1', 5))).toEqual(APPLIED);
    for (const one of managers) expect(await one.inbox.receive(told('e-1', 5))).toEqual(REPLAYED);
    const atOnce = Array.from({ length: 10 }, (_, i) => (managers[i % 2] as Manager).inbox.receive(told('e-2', 7)));
    const outcomes = (await Promise.allSettled(atOnce)).flatMap((one) =>
      one.status === 'fulfilled' ? [one.value.outcome] : [],
    );
    expect(outcomes.filter((outcome) => outcome === 'applied').length).toBe(1);
    expect(await world.balance('shop')).toBe(12);
    const dead = { outcome: 'dead_lettered' };
    expect(await inbox.receive(told('e-3', 13))).toMatchObject({ ...dead, reason: 'No thirteen.' });
    expect(await inbox.receive(told('e-4', 14))).toMatchObject({ ...dead, reason: 'no fourteen' });
    expect(await inbox.receive(told('e-5', 'many'))).toMatchObject({
      ...dead,
      reason: expect.stringContaining('payload.points'),
    });
    expect(await inbox.receive(told('e-1', 6))).toMatchObject({
      ...dead,
      reason: expect.stringContaining('another payload'),
    });
    for (let i = 0; i < 2; i++) await expect(other.inbox.receive(told('e-6', 15))).rejects.toThrow('try later');
    expect(await inbox.getReceipt('quiz.finished', 'e-6')).toBeNull();
    expect(await world.balance('shop')).toBe(12);
    expect(await inbox.receive(told('e-6', 15))).toEqual(APPLIED);
    expect(await world.balance('shop')).toBe(27);
    expect((await transactionsOf(world.manager)).at(-1)?.correlationId).toBe('e-6');
    await world.expectSound();
  });
});

test('what a handler writes goes with the transaction, and bodies may have ids of their own', async () => {
  const { memoryWorld } = await import('../support/plan-world.js');
  const world = memoryWorld();
  const { inbox, credits } = world.manager;
  const handler = async ({ payload, session }: { payload: { id: number }; session: Session }) => {
    await credits.addCredits('u', payload.id, { session });
  };
  const options = { eventId: ({ id }: { id: number }) => `quiz-${id}` };
  inbox.on('plain', z.object({ id: z.int() }), handler, options);
  expect(await inbox.receive({ subject: 'plain', body: '{"id":4}' })).toEqual(APPLIED);
  expect(await inbox.receive({ subject: 'plain', body: Buffer.from('{ "id": 4 }') })).toEqual(REPLAYED);
  expect(await inbox.receive({ subject: 'plain', body: '{"id":{}}' })).toMatchObject({ outcome: 'dead_lettered' });
  expect(await inbox.receive({ subject: 'plain', body: 'null' })).toMatchObject({ outcome: 'dead_lettered' });
  expect(await world.balance('u')).toBe(4);
  const again = () => inbox.on('plain', z.object({ id: z.int() }), handler);
  expect(again).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  for (const subject of ['', 'a b', 'a.*', 'a.>']) {
    expect(() => inbox.on(subject, z.any(), handler)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  }
});

test('a message that nobody has a handler for waits; one that is no message is refused', async () => {
  const { memoryWorld } = await import('../support/plan-world.js');
  const { inbox } = memoryWorld().manager;
  const unknown = { subject: 'evt.unknown', body: JSON.stringify(envelope('created', 'e')) };
  await expect(inbox.receive(unknown)).rejects.toMatchObject({ code: 'CONFIGURATION' });
  for (const wrong of [null, {}, { subject: 'x' }, { subject: 5, body: '' }, { subject: 'x', body: {} }]) {
    await expect(inbox.receive(wrong as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  expect((await inbox.listDeadLetters()).items).toEqual([]);
});

test('an order that was recorded by a process that died applies the refunds that wait', async () => {
  const { memoryWorld } = await import('../support/plan-world.js');
  const world = memoryWorld();
  const { inbox } = world.manager;
  await inbox.receive(message('refunded', 'e-1'));
  // The one that records the order sees no message that waits: the refund came after its look, and it died then.
  const { host } = world;
  const find = host.find.bind(host);
  host.find = async (model, ...rest) =>
    model === 'payment_message' ? { rows: [], nextCursor: null } : find(model, ...rest);
  await inbox.receive(message('paid', 'e-2'));
  host.find = find;
  expect(await world.balance('shop')).toBe(20);
  expect(await inbox.receive(message('paid', 'e-2'))).toEqual(REPLAYED);
  expect(await world.balance('shop')).toBe(10);
  await world.expectSound();
});
