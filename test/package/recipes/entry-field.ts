/** A field of a ledger entry: what was on hold after it. */
import { behind, type Recipe } from './recipe.js';

export const entryField: Recipe = {
  heading: 'Add a field',
  what: 'an entry',
  brings: 'heldAfter',
  alsoNamed: ['src/models/records/ledger.ts'],
  rounds: [
    {
      red: 'begin',
      touches: [
        {
          file: 'src/models/entry.ts',
          edits: [
            behind(
              "  debtAfter: z.int().describe('The debt after it, in micro-units.'),",
              "  heldAfter: z.int().nullable().describe('Credits on hold after it, in micro-units.'),",
            ),
          ],
        },
      ],
    },
    {
      red: {
        compiler: ['src/core/draft.ts', 'src/services/store/system-entry.ts', 'test/ledger/audit-tape.ts'],
      },
      touches: [
        {
          file: 'src/core/draft.ts',
          edits: [behind('    debtAfter: account.debt,', '    heldAfter: account.reserved,')],
        },
        { file: 'test/ledger/audit-tape.ts', edits: [behind('    debtAfter: 0,', '    heldAfter: null,')] },
        { file: 'src/services/store/system-entry.ts', edits: [behind('    debtAfter: 0,', '    heldAfter: null,')] },
      ],
    },
    {
      red: {
        tests: [
          { file: 'test/models/every-field.test.ts', name: 'is in the hash and in the line', says: 'heldAfter' },
          { file: 'test/models/every-field.test.ts', name: "is shown by 'a transaction'", says: 'heldAfter' },
          { file: 'test/models/every-field.test.ts', name: "is shown by 'an entry of the ledger'", says: 'heldAfter' },
        ],
      },
      touches: [
        {
          file: 'src/core/entry-line.ts',
          edits: [
            behind(
              `  body += draws(',"repaid":[', row.repaid);`,
              `  if (row.heldAfter !== null) body += ',"held_after":' + row.heldAfter;`,
            ),
          ],
        },
        {
          file: 'src/models/records/transaction.ts',
          edits: [
            behind(
              "  debtAfter: credits.min(0).describe('The debt after it.'),",
              "  heldAfter: credits.min(0).nullable().describe('Credits on hold after it; null where unknown.'),",
            ),
          ],
        },
        {
          file: 'test/models/shown-fields.ts',
          edits: [
            {
              find: "reservedDelta: 'is in the transaction',",
              replace: "heldAfter: 'is in the transaction', reservedDelta: 'is in the transaction',",
            },
          ],
        },
      ],
    },
    {
      red: { compiler: ['src/services/pipeline/transaction-records.ts'] },
      touches: [
        {
          file: 'src/services/pipeline/transaction-records.ts',
          edits: [
            behind(
              '    debtAfter: toCredits(row.debtAfter, scale),',
              '    heldAfter: row.heldAfter === null ? null : toCredits(row.heldAfter, scale),',
            ),
          ],
        },
      ],
    },
  ],
};
