/** An operation with a type of entry of its own: a user gives credits away for good. */
import { behind, type Recipe } from './recipe.js';

const DECISION = `/** Donations: credits that a user gives away for good. */
import { insufficient } from './debit.js';
import type { Refusal } from './decision.js';
import { availableOf } from './account.js';
import { type Draft, pushMovement, takeFree, writeEntry } from './draft.js';

export function donate(draft: Draft, amount: number): Refusal | null {
  if (availableOf(draft.account) < amount) return insufficient(draft, amount);
  const { draws } = takeFree(draft, amount, 'spend');
  draft.account.balance -= amount;
  writeEntry(draft, 'donate', { amount, delta: -amount, draws });
  pushMovement(draft, 'credits.deducted', amount, null);
  return null;
}
`;

const PROMISE =
  'donateCredits(userId: string, amount: Amount, options?: MutationOptions<S>): Promise<Applied<Transaction>>;';

export const operation: Recipe = {
  heading: 'Add an operation',
  what: 'a command with a type of entry and a call',
  brings: 'donate',
  rounds: [
    {
      red: 'begin',
      touches: [
        { file: 'src/models/enums.ts', edits: [behind("  'claw_back',", "  'donate',")] },
        {
          file: 'src/core/command.ts',
          edits: [
            behind(
              "  | { readonly type: 'transfer'; readonly amount: number }",
              "  | { readonly type: 'donate'; readonly amount: number }",
            ),
          ],
        },
        { file: 'src/core/donate.ts', edits: DECISION },
        {
          file: 'src/services/credits/contract.ts',
          edits: [
            behind(
              'export interface CreditMutations<S = unknown> {',
              '  /** Gives credits away for good. */',
              `  ${PROMISE}`,
              '',
            ),
          ],
        },
      ],
    },
    {
      red: {
        compiler: [
          ...['src/core/decide.ts', 'src/core/draft.ts', 'src/core/replay.ts'],
          ...['src/services/pipeline/same-input.ts', 'src/services/credits/service.ts'],
          'test/core/every-command.test.ts',
        ],
      },
      touches: [
        {
          file: 'src/core/decide.ts',
          edits: [
            behind(
              "import { type Draft, mainIndex, openDraft, pushMovement, writeEntry } from './draft.js';",
              "import { donate } from './donate.js';",
            ),
            behind(
              '      return transfer(draft, other as Draft, command.amount);',
              "    case 'donate':",
              '      return donate(draft, command.amount);',
            ),
          ],
        },
        {
          file: 'src/core/draft.ts',
          edits: [behind("  claw_back: 'Credits clawed back',", "  donate: 'Credits donated',")],
        },
        { file: 'src/core/replay.ts', edits: [behind("    case 'transfer_out':", "    case 'donate':")] },
        {
          file: 'src/services/pipeline/same-input.ts',
          edits: [behind("    case 'claw_back':", "    case 'donate':")],
        },
        {
          file: 'src/services/credits/spending.ts',
          edits: [
            { find: "  | 'expireCredits'\n", replace: "  | 'expireCredits'\n  | 'donateCredits'\n" },
            {
              find: '    async expireCredits(userId, given) {',
              replace: `    async donateCredits(userId, amount, given) {
      const user = parseId(userId, 'userId');
      const units = verbs.units(amount);
      const options = parseMutationOptions(given);
      const command = { type: 'donate', amount: units } as const;
      const answer = await verbs.run({
        operation: 'donate',
        ...{ userId: user, given: { amount: units }, options, command: () => command },
      });
      return verbs.transaction(answer);
    },

    async expireCredits(userId, given) {`,
            },
          ],
        },
        {
          file: 'test/core/every-command.test.ts',
          edits: [
            behind(
              "  transfer: () => ({ type: 'transfer', amount: 5 }),",
              "  donate: () => ({ type: 'donate', amount: 5 }),",
            ),
          ],
        },
      ],
    },
    {
      red: {
        tests: [
          {
            file: 'test/core/every-command.test.ts',
            name: 'is among the random calls of test/model',
            says: 'donateCredits',
          },
          { file: 'test/models/answers.test.ts', name: 'of every verb that the services have', says: 'donateCredits' },
        ],
      },
      touches: [
        {
          file: 'test/core/every-command.test.ts',
          edits: [behind('const NOT_RANDOM = {', "  donateCredits: 'test/core has it',")],
        },
        {
          file: 'test/support/checked-manager.ts',
          edits: [behind('    expireCredits: credits,', '    donateCredits: transaction,')],
        },
        {
          file: 'test/models/answers.test.ts',
          edits: [
            behind(
              "  await credits.updateAccount('u', { overdraftLimit: 'unlimited' });",
              "  await credits.createAccount('donor', { trialCredits: 5 });",
              "  await credits.donateCredits('donor', 1);",
            ),
          ],
        },
      ],
    },
  ],
};
