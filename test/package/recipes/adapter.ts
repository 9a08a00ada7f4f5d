/** A database adapter: rows as JSON text. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../source-files.js';
import { behind, type Recipe } from './recipe.js';

const smallest = readFileSync(join(ROOT, 'test/backends/json-db-manager.ts'), 'utf8');

const CONFORMANCE = `/** The conformance suite of the \`DbManager\` port on rows as text. */
import { describe, test } from 'vitest';
import { TextDbManager } from '../../src/entries/text.js';
import { testDbManager } from '../../src/testing/db-manager/index.js';

const skip = [{ reason: 'it has no transaction()', tests: ['transactions', 'locks'] }];
describe('TextDbManager', () => testDbManager({ describe, test }, () => new TextDbManager(), { skip }));
`;

export const adapter: Recipe = {
  heading: 'Add a database adapter',
  what: 'an adapter with a module of its own',
  brings: 'text',
  alsoNamed: ['test/backends/json-db-manager.ts', 'test/package/layers.ts', 'test/backends/adapters.ts'],
  rounds: [
    {
      red: 'begin',
      touches: [
        {
          file: 'src/db/text/manager.ts',
          edits: smallest.replaceAll('../../src/', '../../').replaceAll('JsonDbManager', 'TextDbManager'),
        },
        {
          file: 'src/entries/text.ts',
          edits:
            "/** credit-management/text: credits as text. */\nexport { TextDbManager } from '../db/text/manager.js';\n",
        },
      ],
    },
    {
      red: {
        tests: [
          { file: 'test/package/adapters.test.ts', name: 'is in README.md and runs', says: 'no test/db/conformance-' },
          { file: 'test/package/adapters.test.ts', name: 'is in README.md and runs', says: 'Your database' },
          { file: 'test/package/entries.test.ts', name: 'has its line in each list', says: 'tsup.config.ts: text' },
          { file: 'test/package/entries.test.ts', name: 'has its line in each list', says: 'package.json: ./text' },
          { file: 'test/package/entries.test.ts', name: 'has its line in each list', says: 'tsconfig.json: credit-' },
          {
            file: 'test/package/entries.test.ts',
            name: 'README.md tells of every entry',
            says: 'credit-management/text',
          },
        ],
      },
      touches: [
        { file: 'test/db/conformance-text.test.ts', edits: CONFORMANCE },
        {
          file: 'tsup.config.ts',
          edits: [behind("    testing: 'src/entries/testing.ts',", "    text: 'src/entries/text.ts',")],
        },
        {
          file: 'tsconfig.json',
          edits: [
            {
              find: '"credit-management/testing": ["./src/entries/testing.ts"]',
              replace:
                '"credit-management/testing": ["./src/entries/testing.ts"],\n' +
                '      "credit-management/text": ["./src/entries/text.ts"]',
            },
          ],
        },
        {
          file: 'package.json',
          edits: [
            {
              find: '    "./package.json": "./package.json"',
              replace: `    "./text": {
      "import": { "types": "./dist/text.d.ts", "default": "./dist/text.js" },
      "require": { "types": "./dist/text.d.cts", "default": "./dist/text.cjs" }
    },
    "./package.json": "./package.json"`,
            },
          ],
        },
        {
          file: 'README.md',
          edits: [
            behind(
              '| `credit-management/mongodb` | `MongoDbManager` |',
              '| `credit-management/text` | `TextDbManager` |',
            ),
            {
              find: '| memory (default) |',
              replace: '| text | `new TextDbManager()` | every test |\n| memory (default) |',
            },
          ],
        },
      ],
    },
  ],
  green: ['test/db/conformance-text.test.ts'],
};
