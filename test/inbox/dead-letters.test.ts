/** Messages that nothing can be done with: each is kept once, with its bytes and its reason, until it is mended. */
import { describe, expect, test } from 'vitest';
import type { DeadLetter, JsonObject } from '../../src/index.js';
import { describeBackends, memoryWorld } from '../support/plan-world.js';
import { envelope, type Kind, message, PAYLOADS, SUBJECTS } from './messages.js';

const DEAD = { outcome: 'dead_lettered', deadLetterId: expect.stringMatching(/^dl_[0-9a-f]{40}$/) };
const kinds = Object.keys(SUBJECTS) as Kind[];
const MIB = 1024 * 1024;

/** The fields that a message of each kind must have. */
const NEEDED: Readonly<Record<Kind, readonly string[]>> = {
  paid: ['merchant_id', 'order_id', 'order_total'],
  refunded: ['merchant_id', 'order_id', 'refund_id', 'refund_amount'],
  billed: ['merchant_id', 'payment_id', 'amount'],
  created: ['merchant_id'],
  adjusted: ['merchant_id', 'adjustment_id', 'amount', 'admin_id'],
  granted: ['shopDomain', 'credits', 'reason'],
  trial: ['shop_domain', 'ends_at', 'days'],
};
const AMOUNTS: Readonly<Partial<Record<Kind, string>>> = {
  ...{ paid: 'order_total', refunded: 'refund_amount', billed: 'amount', adjusted: 'amount', granted: 'credits' },
  trial: 'trial_credits',
};

const text = (kind: Kind, change: (body: Record<string, unknown>) => void) => {
  const body = structuredClone(envelope(kind, 'e')) as Record<string, unknown>;
  change(body);
  return JSON.stringify(body);
};
const payload = (kind: Kind, field: string, value: unknown) =>
  text(kind, (body) => Object.assign(body.payload as object, { [field]: value }));

const CORPUS: readonly (readonly [title: string, subject: string, body: string | Uint8Array])[] = [
  ...['', '{', 'null', '5', '"text"', '[]', '{}', '{"event_id":"e"}', '\uFEFF{}{}', 'NaN'].map(
    (body) => [`the body ${JSON.stringify(body)}`, SUBJECTS.created, body] as const,
  ),
  ['bytes that are no UTF-8', SUBJECTS.created, Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  ['zeros', SUBJECTS.created, new Uint8Array(64)],
  [
    '100,000 levels',
    SUBJECTS.created,
    text('created', () => {}).replace(
      '"merchant_id":"shop"',
      `"merchant_id":"shop","x":${'['.repeat(1e5)}${']'.repeat(1e5)}`,
    ),
  ],
  ['more than a mebibyte', SUBJECTS.created, payload('created', 'more', 'x'.repeat(MIB))],
  ['the wrong type', SUBJECTS.created, text('created', (body) => Object.assign(body, { event_type: SUBJECTS.paid }))],
  [
    'another CloudEvents version',
    SUBJECTS.created,
    '{"specversion":"0.3","id":"e","type":"evt.merchant.created","data":{}}',
  ],
  ['a reason of a megabyte', SUBJECTS.refunded, payload('refunded', 'reason', 'x'.repeat(MIB - 1_000))],
  ['a key of prototypes', SUBJECTS.granted, text('granted', () => {}).replace('"pack"', '"__proto__"')],
  ['a nameless reason', SUBJECTS.granted, payload('granted', 'reason', 'gift')],
  ['a currency that is none', SUBJECTS.paid, payload('paid', 'currency', 'dollars')],
  ...kinds.flatMap((kind) => [
    ...['event_id', 'event_type', 'timestamp', 'payload'].flatMap((field) => [
      [`${kind} without ${field}`, SUBJECTS[kind], text(kind, (body) => delete body[field])] as const,
      ...[null, true, {}, [], '', '\u0000']
        .filter((value) => !(field === 'payload' && String(value) === '[object Object]'))
        .map(
          (value) =>
            [
              `${kind} with ${field} ${JSON.stringify(value)}`,
              SUBJECTS[kind],
              text(kind, (body) => Object.assign(body, { [field]: value })),
            ] as const,
        ),
    ]),
    ...NEEDED[kind].flatMap((field) => [
      [
        `${kind} without ${field}`,
        SUBJECTS[kind],
        text(kind, (body) => delete (body.payload as JsonObject & Record<string, unknown>)[field]),
      ] as const,
      ...[true, {}, [], '', 'x'.repeat(MIB / 2), null].map(
        (value) =>
          [
            `${kind} with ${field} ${String(JSON.stringify(value)).slice(0, 20)}`,
            SUBJECTS[kind],
            payload(kind, field, value),
          ] as const,
      ),
    ]),
    ...(AMOUNTS[kind] === undefined
      ? []
      : ['-1', '1e400', '-1e400', '"-0.5"', '"NaN"', '"1O"', '0.00000000001', '1e300', '"1e400"'].map(
          (amount) =>
            [
              `${kind} of ${amount}`,
              SUBJECTS[kind],
              payload(kind, AMOUNTS[kind] as string, '@').replace('"@"', amount),
            ] as const,
        )),
  ]),
];

test.each(CORPUS)('%s is kept once with its reason, and the next message is taken', async (_, subject, body) => {
  const { manager, events } = memoryWorld();
  const { inbox, credits } = manager;
  const first = await inbox.receive({ subject, body, stream: 'IN', sequence: 7 });
  expect(first).toMatchObject(DEAD);
  expect(first.reason?.length).toBeLessThanOrEqual(1_000);
  expect(await inbox.receive({ subject, body, stream: 'IN', sequence: 7 })).toEqual(first);
  const { items } = await inbox.listDeadLetters();
  const bytes = Buffer.from(body as string);
  expect(items.map(({ body: kept, ...rest }) => ({ ...rest, body: kept === bytes.toString('utf8') }))).toMatchObject([
    {
      id: first.deadLetterId,
      subject,
      status: 'open',
      reason: first.reason,
      stream: 'IN',
      sequence: 7,
      body: true,
      bytes: bytes.length,
      attempts: 1,
    },
  ]);
  expect(events.map(({ type }) => type)).toEqual(['inbox.dead_lettered']);
  expect((await credits.listAccounts()).items).toEqual([]);
  expect(await inbox.receive(message('created', 'next'))).toMatchObject({ outcome: 'applied' });
});

await describeBackends('dead letters', (openWorld) => {
  test('the row and its event are one commit; the next message goes on', async () => {
    const sent: unknown[] = [];
    const sinks = [
      { name: 'all', publish: async (event: unknown) => void sent.push(event) },
      { name: 'deaf', types: ['credits.recharged'] as const, publish: async () => {} },
    ];
    const world = await openWorld({ sinks });
    const { inbox, jobs, outbox } = world.manager;
    const bad = { ...message('adjusted', 'e-1', { ...PAYLOADS.adjusted, amount: -3 }), stream: 'CREDIT', sequence: 9 };
    const { deadLetterId } = await inbox.receive(bad);
    await world.open({ sinks }).inbox.receive(bad);
    await jobs.runOutbox();
    expect(sent).toEqual([
      {
        ...{
          id: `e-${deadLetterId}.0`,
          version: 1,
          type: 'inbox.dead_lettered',
          userId: 'shop',
          creditType: 'credits',
        },
        ...{ sequence: 0, occurredAt: expect.any(String), correlationId: 'c-e-1' },
        data: {
          ...{
            deadLetterId,
            subject: SUBJECTS.adjusted,
            eventId: 'e-1',
            code: 'INVALID_AMOUNT',
            bytes: bad.body.length,
          },
          ...{ reason: expect.any(String), stream: 'CREDIT', streamSequence: 9 },
        },
      },
    ]);
    expect(await outbox.listSinks()).toMatchObject([{ pending: 0 }, { pending: 0 }]);
    expect(world.count('inbox.dead_lettered')).toBe(1);
    expect((await world.manager.ledger.verify()).problems).toEqual([]);
  });

  test('are replayed once: as they are after the reason is gone, or repaired', async () => {
    const world = await openWorld({ creditScale: 2, limits: { openGrants: 1 } });
    const { inbox, credits } = world.manager;
    await credits.addCredits('shop', 5, { expiresAt: '2026-06-01T00:00:00Z' });
    const full = await inbox.receive(message('granted', 'e-1'));
    expect(full).toMatchObject({ ...DEAD, reason: expect.stringMatching(/grants/) });
    const id = full.deadLetterId as string;
    await expect(inbox.replayDeadLetter(id)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(await inbox.getDeadLetter(id)).toMatchObject({ status: 'open', attempts: 2, code: 'LIMIT_EXCEEDED' });
    await credits.deductCredits('shop', 5);
    const managers = [world.manager, world.open()];
    const replays = await Promise.all(managers.map((one) => one.inbox.replayDeadLetter(id)));
    expect(replays.map(({ outcome }) => outcome).toSorted()).toEqual(['applied', 'replayed']);
    expect(await inbox.replayDeadLetter(id)).toMatchObject({ outcome: 'replayed' });
    expect(await inbox.receive(message('granted', 'e-1'))).toMatchObject({ outcome: 'replayed' });
    expect(await world.balance('shop')).toBe(50);
    expect(await inbox.getDeadLetter(id)).toMatchObject({ status: 'replayed', resolvedAt: expect.any(Date) });

    const typo = await inbox.receive(
      message('paid', 'e-2', { ...PAYLOADS.paid, merchant_id: 'two', order_total: '1OO' }),
    );
    const { id: typoId, body } = (await inbox.getDeadLetter(typo.deadLetterId as string)) as DeadLetter;
    await expect(inbox.replayDeadLetter(typoId)).rejects.toMatchObject({ code: 'INVALID_AMOUNT' });
    const repaired = { body: body.replace('1OO', '100') };
    for (const outcome of ['applied', 'replayed']) {
      expect(await inbox.replayDeadLetter(typoId, repaired)).toMatchObject({ outcome });
    }
    expect(await world.balance('two')).toBe(10);
    expect((await inbox.listDeadLetters()).items).toEqual([]);
    expect((await inbox.listDeadLetters({ status: 'replayed' })).items.length).toBe(2);
    await world.expectSound();
  });

  test('are dropped, listed by pages, and deleted by age once they are done with', async () => {
    const world = await openWorld({ payments: { messageDays: 10 } });
    const { inbox, jobs } = world.manager;
    for (let i = 0; i < 5; i++) {
      await inbox.receive({ subject: SUBJECTS.created, body: `{${i}` });
      await inbox.receive(message('created', `e-${i}`, { merchant_id: `m-${i}` }));
      world.clock.advance({ seconds: 1 });
    }
    const first = await inbox.listDeadLetters({ limit: 3, order: 'oldest' });
    const { items } = await inbox.listDeadLetters({ limit: 3, order: 'oldest', cursor: first.nextCursor as string });
    expect([...first.items, ...items].map(({ body }) => body)).toEqual(['{0', '{1', '{2', '{3', '{4']);
    const [one, two] = first.items as [DeadLetter, DeadLetter];
    expect(await inbox.dropDeadLetter(one.id)).toMatchObject({ status: 'dropped', resolvedAt: expect.any(Date) });
    expect(await inbox.dropDeadLetter(one.id)).toMatchObject({ status: 'dropped' });
    const body = JSON.stringify(envelope('created', 'mended', { merchant_id: 'm' }));
    await inbox.replayDeadLetter(two.id, { body });
    expect(await inbox.dropDeadLetter(two.id)).toMatchObject({ status: 'replayed' });
    for (const call of [inbox.dropDeadLetter('dl_none'), inbox.replayDeadLetter('dl_none')]) {
      await expect(call).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect(await inbox.getDeadLetter('dl_none')).toBeNull();
    world.clock.advance({ days: 9 });
    expect(await jobs.runPayments()).toMatchObject({ deleted: 0 });
    world.clock.advance({ days: 2 });
    expect(await jobs.runPayments()).toMatchObject({ status: 'completed', deleted: 8 });
    expect((await inbox.listDeadLetters()).items.length).toBe(3);
    expect(await inbox.getReceipt(SUBJECTS.created, 'e-1')).toBeNull();
    expect(await inbox.receive(message('created', 'e-1', { merchant_id: 'm-1' }))).toMatchObject({
      outcome: 'replayed',
    });
  });
});

test('an adjustment by a message takes nothing, though there are credits', async () => {
  const { inbox, credits } = memoryWorld().manager;
  await credits.addCredits('shop', 100);
  expect(await inbox.receive(message('adjusted', 'e', { ...PAYLOADS.adjusted, amount: -5 }))).toMatchObject(DEAD);
  expect((await credits.getUserCreditsInfo('shop')).balance).toBe(100);
});

describe('a database that fails', () => {
  test('keeps nothing of a message and gives it back; nothing is dead', async () => {
    const world = memoryWorld();
    const { inbox } = world.manager;
    await world.manager.init();
    const commit = world.host.commit.bind(world.host);
    const broken = new Error('no disk');
    world.host.commit = async () => Promise.reject(broken);
    for (const one of [message('paid', 'e'), { subject: SUBJECTS.paid, body: 'nothing' }]) {
      await expect(inbox.receive(one)).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    }
    world.host.commit = commit;
    expect((await inbox.listDeadLetters()).items).toEqual([]);
    expect(await inbox.receive(message('paid', 'e'))).toMatchObject({ outcome: 'applied' });
  });
});
