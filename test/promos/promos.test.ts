/** Promo codes: the rules in their order, and the limits under concurrency. */
import { expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import { checkedManager } from '../support/checked-manager.js';

const open = () => checkedManager(createTestCredits({ now: '2026-01-31T10:00:00Z' }));

test('2.A.5: the first rule that fails is told, in the words of the source', async () => {
  const { promos, clock } = open();
  const reasonOf = async (userId: string, code: string) => {
    const [asked, claimed] = [await promos.checkEligibility(userId, code), await promos.claimPromo(userId, code)];
    if (!asked.eligible)
      expect(claimed).toEqual({ success: false, creditsAwarded: 0, promoCode: code, message: asked.reason });
    return asked.eligible ? null : asked.reason;
  };
  const promo = (code: string, fields: object) => promos.createPromo({ code, credits: 5, ...fields });
  await promo('OFF', { isActive: false });
  await promo('OVER', { validFrom: '2026-01-01T00:00:00Z', validUntil: '2026-01-31T10:00:00Z' });
  await promo('SOON', { validFrom: '2026-02-01T00:00:00Z' });
  await promo('FEW', { maxUses: 1 });
  await promo('ONCE', {});
  await promo('MINE', { targetType: 'specific_users', targetUserIds: ['me'] });
  expect(await reasonOf('u', 'NOPE')).toBe('Promo code not found');
  expect(await reasonOf('u', 'OFF')).toBe('Promo is inactive');
  expect(await reasonOf('u', 'OVER')).toBe(null);
  clock.advance({ seconds: 1 });
  expect(await reasonOf('v', 'OVER')).toBe('Promo has expired');
  expect(await reasonOf('u', 'SOON')).toBe('Promo not yet active');
  await promos.claimPromo('first', 'FEW');
  expect(await reasonOf('u', 'FEW')).toBe('Promo has reached maximum uses');
  await promos.claimPromo('u', 'ONCE');
  expect(await reasonOf('u', 'ONCE')).toBe("You've already claimed this promo");
  expect(await reasonOf('u', 'MINE')).toBe('This promo is not available for your account');
});

test('A-18, A-19: a code in any case and with spaces is claimed once, with its record and its entry', async () => {
  const { promos, credits, ledger } = open();
  await promos.createPromo({ code: ' wel-come ', credits: 50, maxUses: 2, description: 'Hello' });
  expect(await promos.createPromo({ code: 'WEL-come', credits: 1 }).catch(({ code }) => code)).toBe('PROMO_EXISTS');
  expect(await promos.checkEligibility('u', 'Wel-Come ')).toEqual({
    ...{ eligible: true, promoCode: 'WEL-COME', credits: 50, description: 'Hello' },
  });
  const results = await Promise.all(Array.from({ length: 5 }, () => promos.claimPromo('u', ' wel-COME')));
  expect(results.filter(({ success }) => success)).toMatchObject([
    { creditsAwarded: 50, message: 'Successfully claimed 50 credits!' },
  ]);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(50);
  const { items } = await promos.listClaims({ userId: 'u' });
  expect(items).toMatchObject([{ promoCode: 'WEL-COME', creditsAwarded: 50 }]);
  expect(await credits.getTransaction(items[0]?.transactionId ?? '')).toMatchObject({ description: 'Promo: WEL-COME' });
  expect(await ledger.verify()).toMatchObject({ ok: true });
});

test('a text that is no code claims none: it is judged before it is upper-case, and as a whole', async () => {
  const { promos, credits } = open();
  const long = 'A'.repeat(64);
  for (const code of ['STRASSE', 'FI20', 'SPRING', long]) await promos.createPromo({ code, credits: 5 });
  for (const text of ['straße', 'ﬁ20', 'ſpring', `${long}A`]) {
    expect(await promos.claimPromo('u', text)).toMatchObject({ success: false, message: 'Promo code not found' });
    expect(await promos.getPromo(text)).toBe(null);
    expect(await promos.checkEligibility('u', text)).toMatchObject({ eligible: false });
    await expect(promos.togglePromo(text)).rejects.toMatchObject({ code: 'PROMO_NOT_FOUND' });
    await expect(promos.createPromo({ code: text, credits: 5 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(promos.listClaims({ code: text })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
  expect(await promos.claimPromo('u', ' spring ')).toMatchObject({ success: true, promoCode: 'SPRING' });
});

test('a limit is never passed, and none of those who come too late is told of contention', async () => {
  const { promos } = open();
  await promos.createPromo({ code: 'FIFTY', credits: 1, maxUses: 50 });
  const results = await Promise.all(Array.from({ length: 400 }, (_, n) => promos.claimPromo(`u${n}`, 'fifty')));
  expect(results.filter(({ success }) => success)).toHaveLength(50);
  expect((await promos.getPromo('fifty'))?.totalClaims).toBe(50);
});

test('a user may claim as often as the code says; toggled and changed codes say so at once', async () => {
  const { promos, credits } = open();
  await promos.createPromo({ code: 'THRICE', credits: '0.5', maxUsesPerUser: 3 }, { idempotencyKey: 'make' });
  expect(
    (await promos.createPromo({ code: 'THRICE', credits: '0.5', maxUsesPerUser: 3 }, { idempotencyKey: 'make' }))
      .replayed,
  ).toBe(true);
  for (let n = 0; n < 4; n++) expect((await promos.claimPromo('u', 'thrice')).success).toBe(n < 3);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(1.5);
  expect((await promos.listClaims({ code: 'thrice' })).items).toHaveLength(3);
  expect((await promos.updatePromo({ code: 'thrice', maxUsesPerUser: 4 })).maxUsesPerUser).toBe(4);
  expect((await promos.togglePromo('thrice')).isActive).toBe(false);
  expect((await promos.listPromos()).items).toEqual([]);
  expect((await promos.listPromos({ activeOnly: false })).items).toHaveLength(1);
  const replay = { idempotencyKey: 'again' };
  await promos.togglePromo('thrice');
  const claimed = await promos.claimPromo('u', 'thrice', replay);
  expect(await promos.claimPromo('u', 'thrice', replay)).toEqual(claimed);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(2);
});

test('what a claim says by itself is said, also when the caller gives nothing for it', async () => {
  const { promos, credits } = open();
  await promos.createPromo({ code: 'HI', credits: 1 });
  await promos.claimPromo('u', 'hi', { description: undefined, correlationId: undefined });
  const { items } = await credits.getCreditHistory('u');
  expect(items).toMatchObject([{ description: 'Promo: HI', correlationId: 'promo_HI_u' }]);
});

test('a code that was claimed keeps its credit type, or a repeated key would be a new one elsewhere', async () => {
  const { promos, creditType, credits } = checkedManager(createTestCredits({ creditTypes: { image: {} } }));
  await promos.createPromo({ code: 'HI', credits: 5, maxUsesPerUser: 2 });
  await promos.updatePromo({ code: 'HI', creditType: 'image' });
  await promos.updatePromo({ code: 'HI', creditType: 'credits' });
  const first = await promos.claimPromo('u', 'hi', { idempotencyKey: 'k' });
  const refused = await promos.updatePromo({ code: 'HI', creditType: 'image' }).catch((error) => error);
  expect(refused).toMatchObject({ code: 'INVALID_ARGUMENT', details: { path: 'promo.creditType' } });
  await promos.updatePromo({ code: 'HI', creditType: 'credits', credits: 6 });
  expect(await promos.claimPromo('u', 'hi', { idempotencyKey: 'k' })).toEqual(first);
  expect((await creditType('image').getUserCreditsInfo('u')).balance).toBe(0);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(5);
});

test('a code for more users than a line of the ledger holds is refused before it is written', async () => {
  const { promos, ledger } = open();
  const users = (count: number) => Array.from({ length: count }, (_, i) => `${'u'.repeat(90)}-${i}`);
  const promo = { code: 'MANY', credits: 1, targetType: 'specific_users' } as const;
  await promos.createPromo({ ...promo, targetUserIds: users(2_000) });
  const refused = await promos.updatePromo({ code: 'MANY', targetUserIds: users(3_000) }).catch((error) => error);
  expect(refused).toMatchObject({ code: 'LIMIT_EXCEEDED', details: { what: 'ledgerLineBytes', limit: 262_144 } });
  expect((await promos.getPromo('many'))?.targetUserIds).toHaveLength(2_000);
  expect((await promos.claimPromo(`${'u'.repeat(90)}-1999`, 'many')).success).toBe(true);
  expect(await ledger.verify()).toMatchObject({ ok: true });
});

test('a claim by a user who is named like the code, in credits that are named promo, fails no other call', async () => {
  const { promos, creditType } = checkedManager(createTestCredits({ creditTypes: { promo: {} } }));
  const credits = creditType('promo');
  await promos.createPromo({ code: 'SAVE', credits: 5, creditType: 'promo' });
  const users = Array.from({ length: 60 }, (_, i) => `user-${i}`);
  await Promise.all(['SAVE', ...users].map((user) => credits.addCredits(user, 1)));
  const calls: Promise<unknown>[] = [promos.claimPromo('SAVE', 'SAVE')];
  for (const user of users) {
    calls.push(credits.addCredits(user, 1));
    // All are of one batch, and some are behind the claim.
    await null;
  }
  const failed = (await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected');
  expect(failed).toEqual([]);
  expect((await credits.getUserCreditsInfo('SAVE')).balance).toBe(6);
});
