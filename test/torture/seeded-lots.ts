/** Seeded bugs of changed grants, of deductions from some grants alone, and of late usage. */
import type { SeededBug } from './seeded-bug.js';

const UPDATE = 'test/credits/update-grant.test.ts';
const FROM = 'test/credits/drawn-from.test.ts';
const DRY = 'test/pipeline/dry-run.test.ts';
const LATE = 'test/credits/late-usage.test.ts';

export const LOT_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-l17-01',
    title: 'a grant with a new end keeps its old turn',
    file: 'src/core/draft.ts',
    find: '  insertGrant(draft, Object.assign(grantCopy(grant as OpenGrant), terms));',
    replace: '  ownGrants(draft).splice(i, 0, Object.assign(grantCopy(grant as OpenGrant), terms));',
    tests: [{ file: UPDATE, name: 'a priority puts the grant into its turn at once' }],
  },
  {
    id: 'SM-l17-02',
    title: 'a grant that has lapsed can be given a new end',
    file: 'src/core/grants.ts',
    find: 'if (!grant || grant.remaining === 0 || hasEnded) {',
    replace: 'if (!grant) {',
    tests: [{ file: UPDATE, name: 'what has lapsed stays lapsed, written or not, and what is used up stays closed' }],
  },
  {
    id: 'SM-l17-03',
    title: 'a replay forgets that a grant was changed',
    file: 'src/core/replay.ts',
    find: 'Object.assign(grant, { expiresAt, priority, rowVersion: grant.rowVersion + 1 });',
    replace: 'grant.rowVersion++;',
    tests: [{ file: UPDATE, name: 'a priority puts the grant into its turn at once' }],
  },
  {
    id: 'SM-l17-04',
    title: 'other grants pay for a deduction that names some',
    file: 'src/core/debit.ts',
    find: "return takeFree(draft, amount, 'spend', scope.only, late);",
    replace: "return takeFree(draft, amount, 'spend', undefined, late);",
    tests: [{ file: FROM, name: 'draws on the grants that meet every condition, in burn-down order' }],
  },
  {
    id: 'SM-l17-05',
    title: 'one condition is enough for a grant to pay',
    file: 'src/core/late-usage.ts',
    find: '(grantIds === undefined || grantIds.includes(grant.id)) &&',
    replace: 'grantIds?.includes(grant.id) ||',
    tests: [{ file: FROM, name: 'draws on the grants that meet every condition, in burn-down order' }],
  },
  {
    id: 'SM-l17-06',
    title: 'lapsed credits are brought back again and again',
    file: 'src/core/late-usage.ts',
    find: 'const left = expired - part;',
    replace: 'const left = expired;',
    tests: [{ file: LATE, name: 'brings back no more than it needs, and the next usage finds the rest' }],
  },
  {
    id: 'SM-l17-07',
    title: 'usage may be told late for ever',
    file: 'src/core/late-usage.ts',
    find: 'if (occurredAt >= account.at || account.at - occurredAt > limits.lateUsageMs) return NONE;',
    replace: 'if (occurredAt >= account.at) return NONE;',
    tests: [{ file: LATE, name: 'beyond the grace, and without one, it pays with the grants of today' }],
  },
  {
    id: 'SM-l17-08',
    title: 'what rolled over pays twice',
    file: 'src/core/late-usage.ts',
    find: 'if (grant && isRollover(grant.reference)) rolledOver.push(grant.effectiveAt);',
    replace: '',
    tests: [{ file: LATE, name: 'what rolled over into the next period pays from there, and does not come back too' }],
  },
  {
    id: 'SM-l17-09',
    title: 'a batch does not see what was lapsed and brought back before it in the batch',
    file: 'src/services/pipeline/change-set.ts',
    find: 'return stored && [...stored, ...this.#entries.filter(isOne)];\n  }\n\n  /** All changes',
    replace: 'return stored;\n  }\n\n  /** All changes',
    tests: [{ file: LATE, name: 'lapses that the same batch writes are seen' }],
  },
  {
    id: 'SM-l17-10',
    title: 'a dry run is done',
    file: 'src/services/pipeline/engine.ts',
    find: 'if (isDryRun) return this.#dryRun(request, options);',
    replace: '',
    tests: [{ file: DRY, name: 'with a key repeats what was applied under it, and keeps no key itself' }],
  },
  {
    id: 'SM-l17-11',
    title: 'a dry run of a definition is done',
    file: 'src/services/pipeline/definition-writes.ts',
    find: 'if (write.options.dryRun) return { details: act.details, replayed: false, isDryRun: true };',
    replace: '',
    tests: [{ file: DRY, name: 'of plans, subscriptions, cycles and promo codes says what they would be' }],
  },
  {
    id: 'SM-l17-13',
    title: 'a dry run does not see the renewal that comes first',
    file: 'src/services/pipeline/dry-run.ts',
    find: "if (command.type !== 'renew') for",
    replace: 'if (users.length > 9) for',
    tests: [{ file: DRY, name: 'counts the renewal that comes first, of every credit type' }],
  },
];
