/** Seeded bugs of the limits of promo codes. */
import type { SeededBug } from './seeded-bug.js';

const CORE = 'src/core/promo.ts';
const DAILY = 'test/promos/daily.test.ts';
const daily = (name: string) => ({ file: DAILY, name: `claims of a day, in memory ${name}` });
const BESIDE = {
  file: 'test/ledger/audit-beside.test.ts',
  name: 'beside the chain, in memory a change of a subscription, a cycle, a claim or the counter',
};
const REFERRALS = 'test/promos/referrals.test.ts';
const referral = (name: string) => ({ file: REFERRALS, name: `a referral, in memory ${name}` });
const code = (name: string) => ({ file: REFERRALS, name: `a referral code ${name}` });
const REFERRED = { file: 'test/model/regressions.test.ts', name: 'of the codes of two referrers' };
const MODEL = { file: 'test/model/regressions.test.ts', name: 'a code with two claims a day' };

export const PROMO_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-p01',
    title: 'the claims of a day are not counted on the code, so its limit of a day never holds',
    file: CORE,
    find: 'claimsOfDay: today.ofAll + 1 };',
    replace: 'claimsOfDay: 1 };',
    tests: [daily('are at most those of all users'), daily('are counted without a limit too'), MODEL],
  },
  {
    id: 'SM-p02',
    title: 'a limit of a day that was reached holds on every later day',
    file: CORE,
    find: 'ofAll: promo.claimsDay === day ? (promo.claimsOfDay ?? 0) : 0,',
    replace: 'ofAll: promo.claimsOfDay ?? 0,',
    tests: [daily('are at most those of all users')],
  },
  {
    id: 'SM-p03',
    title: "a user's claims of a day are counted from every claim anew",
    file: CORE,
    find: 'usesOfDay: today.ofUser + 1 };',
    replace: 'usesOfDay: 1 };',
    tests: [daily('are at most those of one user')],
  },
  {
    id: 'SM-p04',
    title: 'a user who reached the limit of a day may not claim on the next one',
    file: CORE,
    find: 'ofUser: first?.usesDay === day ? (first.usesOfDay ?? 0) : 0,',
    replace: 'ofUser: first?.usesOfDay ?? 0,',
    tests: [daily('are at most those of one user'), MODEL],
  },
  {
    id: 'SM-p05',
    title: 'a clock that goes back over midnight begins the day before anew, with all its claims',
    file: CORE,
    find: 'return claimsDay && claimsDay > day ? claimsDay : day;',
    replace: 'return claimsDay && claimsDay > day ? day : day;',
    tests: [daily('go on counting on the day that has begun')],
  },
  {
    id: 'SM-p06',
    title: 'a list of promo codes that is defined again forgets the claims of the day',
    file: 'src/services/promos/define-promos.ts',
    find: '...{ claims, claimsDay, claimsOfDay },',
    replace: '...{ claims, claimsDay, claimsOfDay: Math.min(claimsOfDay ?? 0, 0) },',
    tests: [daily('are counted without a limit too')],
  },
  {
    id: 'SM-p07',
    title: 'the audit does not compare the claims of a day with the counter of the code',
    file: 'src/services/ledger/promo-audit.ts',
    find: 'on(after.day) <= after.ofDay;',
    replace: 'on(after.day) <= after.claims;',
    tests: [BESIDE],
  },
  {
    id: 'SM-p08',
    title: 'the audit does not look at the day of the last claim',
    file: 'src/services/ledger/promo-audit.ts',
    find: 'const isDayMet = lastDay >= first.day && lastDay <= after.day;',
    replace: 'const isDayMet = lastDay >= first.day || lastDay <= after.day;',
    tests: [BESIDE],
  },
  {
    id: 'SM-p09',
    title: "the audit does not compare a user's claims of a day",
    file: 'src/services/ledger/side-rows.ts',
    find: '(row.usesOfDay ?? null) === usesOfDay &&',
    replace: '(row.usesOfDay ?? null) !== undefined &&',
    tests: [BESIDE],
  },
  {
    id: 'SM-p10',
    title: 'a user is referred once by each code, and not once for ever',
    file: 'src/models/promo.ts',
    find: "return claimKey('referral', 1, userId);",
    replace: "return claimKey('referral', Number(String(Math.random()).slice(2, 9)), userId);",
    tests: [referral('is claimed once by a user, for ever'), REFERRED],
  },
  {
    id: 'SM-p11',
    title: 'users may refer themselves',
    file: CORE,
    find: 'if (promo.referrerId === userId) return',
    replace: "if (promo.referrerId === '') return",
    tests: [referral('is claimed once by a user, for ever'), REFERRED],
  },
  {
    id: 'SM-p12',
    title: 'the referrer is granted what the one who was referred is',
    file: CORE,
    find: 'award(other, promo, referrerCredits, {',
    replace: 'award(other, promo, promo.credits, {',
    tests: [referral('grants both users in one commit'), REFERRED],
  },
  {
    id: 'SM-p13',
    title: 'a referral that cannot grant the referrer grants the other alone',
    file: CORE,
    find: 'if (refusal) return refusal;\n  const claim',
    replace: 'if (refusal && draft.entries.length === 0) return refusal;\n  const claim',
    tests: [code('that cannot grant the referrer grants nobody')],
  },
  {
    id: 'SM-p14',
    title: 'the credits of a claim never expire, whatever the code says',
    file: CORE,
    find: 'const expiresAt = validityDays == null ? null : draft.account.at + validityDays * DAY_MS;',
    replace: 'const expiresAt = validityDays == null ? null : draft.account.at + validityDays * DAY_MS * 1_000;',
    tests: [referral('grants both users in one commit'), REFERRED],
  },
  {
    id: 'SM-p15',
    title: 'a code that was claimed may be given to another referrer',
    file: 'src/services/promos/promo-fields.ts',
    find: 'if ((next.referrerId ?? null) === (row.referrerId ?? null)) return;',
    replace: 'if ((next.referrerId ?? null) !== row.creditType) return;',
    tests: [code('keeps its referrer once it was claimed')],
  },
  {
    id: 'SM-p16',
    title: 'a list of codes that switches the others off ends all referral codes',
    file: 'src/services/pipeline/define-all.ts',
    find: "!('referrerId' in row && row.referrerId !== null);",
    replace: "!('referrerId' in row && row.referrerId === '');",
    tests: [code('is left alone by a list of codes')],
  },
  {
    id: 'SM-p17',
    title: 'the audit does not look whether the referrer got what the claim says',
    file: 'src/services/ledger/side-rows.ts',
    find: 'row.referrerCreditsAwarded === amount &&\n    row.referrerTransactionId === id;',
    replace: 'row.referrerCreditsAwarded === amount;',
    tests: [BESIDE],
  },
];
