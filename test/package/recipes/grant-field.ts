/** A term of a grant: a name of the campaign that callers may give. */
import { behind, type Edit, type Recipe } from './recipe.js';

const behindReference = (indent: string, value: string, reference: string): Edit =>
  behind(`${indent}${reference}`, `${indent}campaign: ${value},`);

export const grantField: Recipe = {
  heading: 'Add a field',
  what: 'a grant',
  brings: 'campaign',
  rounds: [
    {
      red: 'begin',
      touches: [
        {
          file: 'src/models/grant.ts',
          edits: [
            behind(
              "  reference: z.string().nullable().describe('A name that the caller gave it, to find it by.'),",
              "  campaign: z.string().nullable().describe('The campaign that it is of.'),",
            ),
          ],
        },
        {
          file: 'src/models/account.ts',
          edits: [
            behind('  reference: z.string().nullable(),', '  campaign: z.string().nullable(),'),
            behind('  paymentId: string | null,', '  campaign?: string | null,'),
          ],
        },
        {
          file: 'src/core/command.ts',
          edits: [
            {
              find: '  readonly reference: string | null;\n}',
              replace: '  readonly reference: string | null;\n  readonly campaign: string | null;\n}',
            },
          ],
        },
        {
          file: 'src/models/inputs/credits.ts',
          edits: [
            {
              find: '  reference: identifierSchema.optional(),\n});\nconst lateShape',
              replace: `  reference: identifierSchema.optional(),
  campaign: identifierSchema.optional(),
});
const lateShape`,
            },
          ],
        },
      ],
    },
    {
      red: {
        compiler: [
          ...[
            'src/core/draft.ts',
            'src/core/grants.ts',
            'src/core/replay.ts',
            'src/core/rows.ts',
            'src/core/open-grant.ts',
          ],
          ...['src/services/credits/spending.ts', 'test/models/kept-fields.test.ts'],
          'test/core/accounts.test.ts',
        ],
      },
      touches: [
        {
          file: 'src/core/draft.ts',
          edits: [behindReference('    ', 'terms.campaign', 'reference: terms.reference,')],
        },
        { file: 'src/core/grants.ts', edits: [behindReference('  ', 'null', 'reference: null,')] },
        {
          file: 'src/core/open-grant.ts',
          edits: [
            behind('  declare reference: string | null;', '  declare campaign: string | null;'),
            behind('    this.reference = grant.reference;', '    this.campaign = grant.campaign;'),
            { find: 'const FACTS_MAX = 12;', replace: 'const FACTS_MAX = 13;' },
            behind('    grant.paymentId ?? null,', '    grant.campaign,'),
            {
              find: 'const [reference, paymentId] = terms;',
              replace: 'const [reference, paymentId, campaign = null] = terms;',
            },
            behind('    reference,', '    campaign,'),
          ],
        },
        {
          file: 'src/core/replay.ts',
          edits: [
            {
              find: 'const { source, priority, expiresAt, planId, reference } = terms;',
              replace: 'const { source, priority, expiresAt, planId, reference, campaign = null } = terms;',
            },
            { find: 'planId, reference, rowVersion: 1 }', replace: 'planId, reference, campaign, rowVersion: 1 }' },
          ],
        },
        {
          file: 'src/core/rows.ts',
          edits: [
            {
              find: '    reference: grant.reference,\n',
              replace: '    reference: grant.reference,\n    campaign: grant.campaign ?? null,\n',
            },
            behindReference('    ', 'row.campaign', 'reference: row.reference,'),
          ],
        },
        {
          file: 'src/services/credits/spending.ts',
          edits: [behindReference('    ', 'fields.campaign ?? null', 'reference: fields.reference ?? null,')],
        },
        { file: 'test/core/accounts.test.ts', edits: [behindReference('    ', 'null', 'reference: null,')] },
        {
          file: 'test/models/kept-fields.test.ts',
          edits: [{ find: "planId: 'p', reference: 'r' },", replace: "planId: 'p', reference: 'r', campaign: 'c' }," }],
        },
      ],
    },
    {
      red: {
        tests: [
          {
            file: 'test/models/kept-fields.test.ts',
            name: 'campaign: is kept by its entry',
            says: 'src/core/grants.ts',
          },
          { file: 'test/models/kept-fields.test.ts', name: 'campaign: tells two calls apart', says: 'same-input.ts' },
          { file: 'test/models/every-field.test.ts', name: "is shown by 'the row of a grant'", says: 'campaign' },
        ],
      },
      touches: [
        {
          file: 'src/core/grants.ts',
          edits: [
            {
              find: '  reference: string | null;\n}): JsonObject',
              replace: '  reference: string | null;\n  campaign: string | null;\n}): JsonObject',
            },
            behindReference('    ', 'grant.campaign', 'reference: grant.reference,'),
          ],
        },
        {
          file: 'src/services/pipeline/same-input.ts',
          edits: [
            {
              find: '    given.reference === stored.reference\n',
              replace:
                '    given.reference === stored.reference &&\n    given.campaign === (stored.campaign ?? null)\n',
            },
          ],
        },
        {
          file: 'src/models/records/grant.ts',
          edits: [
            behind(
              "  planId: identifier.nullable().describe('The plan that it belongs to; null when it belongs to none.'),",
              "  campaign: identifier.nullable().describe('The campaign that it is of; null when it is of none.'),",
            ),
          ],
        },
      ],
    },
    {
      red: { compiler: ['src/services/credits/records.ts'] },
      touches: [
        {
          file: 'src/services/credits/records.ts',
          edits: [
            {
              find: '    planId: grant.planId,\n',
              replace: '    planId: grant.planId,\n    campaign: grant.campaign ?? null,\n',
            },
          ],
        },
      ],
    },
  ],
};
