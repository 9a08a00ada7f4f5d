/** A field of a plan: a line for people that callers may give. */
import { behind, type Recipe } from './recipe.js';

export const planField: Recipe = {
  heading: 'Add a field',
  what: 'a plan',
  brings: 'tagline',
  rounds: [
    {
      red: 'begin',
      touches: [
        {
          file: 'src/models/plan.ts',
          edits: [
            behind(
              "  creditLimit: z.int().describe('Micro-units that a period grants.'),",
              "  tagline: z.string().nullable().describe('A short line for people.'),",
            ),
          ],
        },
      ],
    },
    {
      red: { compiler: ['src/services/plans/plans.ts'] },
      touches: [
        {
          file: 'src/services/plans/plan-fields.ts',
          edits: [
            {
              find: 'providerPrices: null, metadata: {} }',
              replace: 'providerPrices: null, metadata: {}, tagline: null }',
            },
          ],
        },
      ],
    },
    {
      red: {
        tests: [
          {
            file: 'test/models/every-field.test.ts',
            name: "that is shown by 'a plan' is in its schema",
            says: 'tagline',
          },
          { file: 'test/models/every-field.test.ts', name: 'is in the terms that subscriptions keep', says: 'tagline' },
          { file: 'test/models/kept-fields.test.ts', name: 'of a plan can be given', says: 'tagline' },
        ],
      },
      touches: [
        {
          file: 'src/models/records/plan.ts',
          edits: [
            behind(
              "  name: z.string().describe('A name for people.'),",
              "  tagline: z.string().nullable().describe('A short line for people; null without one.'),",
            ),
          ],
        },
        {
          file: 'src/models/inputs/plans.ts',
          edits: [behind('  timeZone: identifierSchema.optional(),', '  tagline: textSchema.optional(),')],
        },
        {
          file: 'test/models/every-field.test.ts',
          edits: [{ find: 'description: own, price: own', replace: 'description: own, tagline: own, price: own' }],
        },
      ],
    },
    {
      red: { compiler: ['test/models/kept-fields.test.ts'] },
      touches: [
        {
          file: 'test/models/kept-fields.test.ts',
          edits: [behind("    alsoGrants: [{ creditType: 'credits', creditLimit: 2 }],", "    tagline: 't',")],
        },
      ],
    },
  ],
};
