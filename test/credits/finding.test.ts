/** Whatever is given with credits can be read and looked for: reference, payment, source, plan, request. */
import { expect, test } from 'vitest';
import { codeOf } from '../support/codes.js';
import { describeBackends, type World } from '../support/plan-world.js';

type Credits = World['manager']['credits'];

/** All pages of two rows each. */
async function all<T>(read: (page: { limit: number; cursor?: string }) => Promise<Listed<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null | undefined;
  do {
    const page: Listed<T> = await read({ limit: 2, ...(cursor && { cursor }) });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}

interface Listed<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

const DAY = { days: 1 };

/** Ten additions of `u`, one a day, of three payments, two references, two sources and two plans; and some of `v`. */
async function filled(world: World): Promise<Credits> {
  const { credits } = world.manager;
  for (let i = 0; i < 10; i++) {
    const options = {
      ...{ paymentId: `pay-${i % 3}`, reference: `order-${i % 2}`, planId: i < 5 ? 'basic' : 'pro' },
      ...{ source: i % 4 === 0 ? ('promo' as const) : ('purchase' as const), correlationId: `request-${i % 5}` },
      ...(i === 3 && { expiresAt: '2026-01-06T00:00:00Z' }),
    };
    await credits.addCredits('u', i + 1, options);
    await credits.addCredits('v', 100, options);
    await credits.deductCredits('u', 1, { correlationId: `request-${i % 5}`, actor: 'bot' });
    world.clock.advance(DAY);
  }
  return credits;
}

const amounts = (items: readonly { amount: number }[]) => items.map(({ amount }) => amount).sort((a, b) => a - b);

await describeBackends('looking for credits', (open) => {
  test('a grant and its transaction show the payment and the reference', async () => {
    const world = await open();
    const { credits } = world.manager;
    const given = { paymentId: 'pay-1', reference: 'order-1', idempotencyKey: 'k' };
    const added = await credits.addCredits('u', 5, given);
    expect(added).toMatchObject({ paymentId: 'pay-1', reference: 'order-1', replayed: false });
    expect(await credits.addCredits('u', 5, given)).toMatchObject({ paymentId: 'pay-1', replayed: true });
    const other = credits.addCredits('u', 5, { ...given, paymentId: 'pay-2' });
    expect(await codeOf(other)).toBe('IDEMPOTENCY_CONFLICT');
    expect(await codeOf(credits.addCredits('u', 5, { paymentId: '' }))).toBe('INVALID_ARGUMENT');
    expect(await credits.addCredits('u', 1)).toMatchObject({ paymentId: null, reference: null });
    expect((await credits.getGrants('u')).items).toMatchObject([
      { amount: 5, paymentId: 'pay-1', reference: 'order-1' },
      { amount: 1, paymentId: null, reference: null },
    ]);
    await credits.transferCredits({ from: 'u', to: 'v', amount: 2 });
    expect((await credits.getGrants('v')).items).toMatchObject([{ paymentId: 'pay-1', reference: 'order-1' }]);
    await credits.deductCredits('u', 4);
    const closed = await credits.getGrants('u', { includeClosed: true, paymentId: 'pay-1' });
    expect(closed.items).toMatchObject([{ amount: 5, remaining: 0, paymentId: 'pay-1', reference: 'order-1' }]);
    await world.expectSound();
  });

  test('grants by reference, payment, source and plan, open ones or all, page by page', async () => {
    const credits = await filled(await open());
    // The first grants are used up, and that of the fourth day has lapsed.
    const own = { user: 'u', includeClosed: true } as const;
    const listed = async ({ user, ...sought }: { user: string } & Parameters<Credits['getGrants']>[1]) =>
      amounts(await all((page) => credits.getGrants(user, { ...sought, ...page })));
    expect(await listed(own)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await listed({ ...own, paymentId: 'pay-0' })).toEqual([1, 4, 7, 10]);
    expect(await listed({ ...own, reference: 'order-1' })).toEqual([2, 4, 6, 8, 10]);
    expect(await listed({ ...own, source: 'promo' })).toEqual([1, 5, 9]);
    expect(await listed({ ...own, planId: 'basic' })).toEqual([1, 2, 3, 4, 5]);
    expect(await listed({ ...own, planId: 'pro', paymentId: 'pay-0', reference: 'order-0' })).toEqual([7]);
    expect(await listed({ ...own, source: 'purchase', paymentId: 'pay-0' })).toEqual([4, 7, 10]);
    expect(await listed({ ...own, paymentId: 'none' })).toEqual([]);
    const open10 = amounts(await all((page) => credits.getGrants('u', page)));
    expect(await listed({ user: 'u', planId: 'basic' })).toEqual(open10.filter((amount) => amount <= 5));
    expect(await listed({ user: 'u', paymentId: 'pay-0' })).toEqual(open10.filter((amount) => amount % 3 === 1));
    const { nextCursor } = await credits.getGrants('u', { limit: 1, reference: 'order-0' });
    const elsewhere = credits.getGrants('u', { reference: 'order-1', cursor: nextCursor as string });
    expect(await codeOf(elsewhere)).toBe('INVALID_ARGUMENT');
  });

  test('transactions by reference, source and request, with the other filters, page by page', async () => {
    const credits = await filled(await open());
    const listed = (sought: Parameters<Credits['getCreditHistory']>[1]) =>
      all((page) => credits.getCreditHistory('u', { ...sought, ...page }));
    const added = async (sought: object) => (await listed(sought)).map(({ amount }) => amount);
    expect(await added({ reference: 'order-1' })).toEqual([10, 8, 6, 4, 2]);
    expect(await added({ source: 'promo', order: 'oldest' })).toEqual([1, 5, 9]);
    expect(await added({ source: 'promo', reference: 'order-1' })).toEqual([]);
    expect(await added({ reference: 'order-0', from: '2026-01-03T00:00:00Z', to: '2026-01-07T00:00:00Z' })).toEqual([
      7, 5, 3,
    ]);
    expect(await added({ reference: 'order-1', types: ['deduct'] })).toEqual([]);
    const ofRequest = await listed({ correlationId: 'request-3' });
    expect(ofRequest.map(({ type, userId }) => `${userId} ${type}`)).toEqual(
      Array(2).fill(['u deduct', 'u add']).flat(),
    );
    expect(ofRequest.map(({ createdAt }) => createdAt.getUTCDate())).toEqual([9, 9, 4, 4]);
    expect(await added({ correlationId: 'request-3', types: ['add'] })).toEqual([9, 4]);
    expect((await listed({ correlationId: 'request-3', actor: 'bot' })).map(({ type }) => type)).toEqual([
      'deduct',
      'deduct',
    ]);
    expect(await added({ correlationId: 'request-3', reference: 'order-1' })).toEqual([4]);
    expect(await listed({ correlationId: 'none' })).toEqual([]);
    const { nextCursor } = await credits.getCreditHistory('u', { limit: 1, reference: 'order-0' });
    expect(await codeOf(credits.getCreditHistory('u', { source: 'promo', cursor: nextCursor as string }))).toBe(
      'INVALID_ARGUMENT',
    );
  });

  test('a scheduled addition is found twice by its reference: as it was made, and as it became effective', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.addCredits('u', 5, { reference: 'later', effectiveAt: '2026-01-02T00:00:00Z' });
    world.clock.advance({ days: 2 });
    await credits.deductCredits('u', 1);
    const { items } = await credits.getCreditHistory('u', { reference: 'later' });
    expect(items.map(({ type, delta }) => [type, delta])).toEqual([
      ['activate', 5],
      ['add', 0],
    ]);
  });

  test('reservations show their plan and are found by it', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.addCredits('u', 50);
    for (const planId of ['pro', 'basic', undefined, 'pro']) {
      await credits.reserveCredits('u', 1, { planId });
      world.clock.advance({ seconds: 1 });
    }
    const plans = async (planId?: string) =>
      (await all((page) => credits.getActiveReservations('u', { ...page, planId }))).map((hold) => hold.planId);
    expect(await plans()).toEqual(['pro', null, 'basic', 'pro']);
    expect(await plans('pro')).toEqual(['pro', 'pro']);
    expect(await plans('none')).toEqual([]);
    const [hold] = (await credits.getActiveReservations('u', { planId: 'basic' })).items;
    expect(await credits.releaseReservedCredits(hold as { id: string })).toMatchObject({ planId: 'basic' });
    expect(await credits.getReservation((hold as { id: string }).id)).toMatchObject({ planId: 'basic' });
  });
});
