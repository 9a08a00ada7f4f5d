/** What README.md tells people who come from other systems is true: every call runs, every result has that shape. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCreditManagement } from 'credit-management';
import { describe, expect, test } from 'vitest';
import { problemsOf } from './coming-from-rows.js';
import { type Row, readSection, type Section } from './coming-from-tables.js';
import { ROOT } from './source-files.js';

/** The tables, in order, and how many rows each has at least. */
const TABLES = [
  { title: 'credit-management (Python)', rowsMin: 60 },
  { title: 'Credici', rowsMin: 22 },
  { title: 'The merchant credit-service', rowsMin: 50 },
];

const section = readSection(readFileSync(join(ROOT, 'README.md'), 'utf8'));

test('there is a table for each system, and none is short', () => {
  expect(section.tables.map(({ title }) => title)).toEqual(TABLES.map(({ title }) => title));
  const counts = section.tables.map(({ rows }) => rows.length);
  console.log(`coming from: ${counts.join(' + ')} rows`);
  expect(counts.filter((count, i) => count < (TABLES[i]?.rowsMin ?? 0))).toEqual([]);
});

describe.each(section.tables)('$title', ({ setUp, rows }) => {
  test.each(rows)('$there: $here', async (row) => {
    expect(await problemsOf(section.setUp + setUp, row)).toEqual([]);
  });

  test('says a thing once', () => {
    const cells = rows.map(({ there }) => there);
    expect(cells.filter((there, i) => cells.indexOf(there) !== i)).toEqual([]);
  });
});

test('every verb has a row or is named as one without a counterpart', () => {
  const { credits, ledger } = createCreditManagement();
  const verbs = [...Object.keys(credits), ...Object.keys(ledger)];
  expect(verbs.length).toBeGreaterThan(30);
  const code = section.tables.flatMap(({ rows }) => rows.map(({ here }) => here)).join('\n');
  const inRows = verbs.filter((verb) => new RegExp(`\\b(?:credits|ledger)\\.${verb}\\(`).test(code));
  expect([...inRows, ...section.oursAlone].sort()).toEqual(verbs.sort());
});

const SET_UP = `
import { createCreditManagement } from 'credit-management';
const manager = createCreditManagement();
const { credits } = manager;
`;

/** A section of one table with these rows. */
function readme(...rows: string[]): string {
  const header = '| there | here | result there → here | remark |\n|---|---|---|---|';
  const intro = `Without a counterpart there: \`canAfford\`.\n\n\`\`\`js${SET_UP}\`\`\`\n`;
  return `# x\n\n## Coming from y\n\n${intro}\n### y\n\n${header}\n${rows.join('\n')}\n\nLater: z.\n\n## More\n`;
}

const rowOf = (line: string): Row => readSection(readme(line)).tables[0]?.rows[0] as Row;

describe('a row that is wrong is found', () => {
  const add = "credits.addCredits('user-1', 5)";
  test.each([
    [add, '.balanceAfter = 5', []],
    [add, '.balanceAfter = 6', ['.balanceAfter = 6: it is 5']],
    [add, '.current_credits: number', ['.current_credits: number: there is no current_credits']],
    [add, '.draws[0].amount = 5', ['.draws[0].amount = 5: there is no 0']],
    [add, '.reason: string', ['.reason: string: it is null']],
    [add, '.createdAt: string', [expect.stringMatching(/^\.createdAt: string: it is "20/)]],
    [add, 'error.code: string', ['it should have thrown']],
    ["credits.getReservedCredits('user-1')", '= 0', []],
    ["credits.getReservedCredits('user-1')", ': boolean', [': boolean: it is 0']],
    ["credits.deductCredits('user-1', 5)", "error.code = 'CLOSED'", [expect.stringContaining('INSUFFICIENT_CREDITS')]],
    ['nothing.here()', "error.code = 'CLOSED'", ["error.code = 'CLOSED': there is no code"]],
  ])('%s: %s', async (here, claim, problems) => {
    expect(await problemsOf(SET_UP, rowOf(`| \`x\` | \`${here}\` | y → \`${claim}\` | |`))).toEqual(problems);
  });

  test.each([
    ["credits.deductCredits('user-1', 5)", '.delta = -5', '5 credits were requested'],
    ['nothing.here()', ': object', 'nothing is not defined'],
    ["credits.addCredits('user-1', 5", ': object', 'Unexpected token'],
    [add, '.delta = five', 'five is not defined'],
  ])('%s: %s throws', async (here, claim, message) => {
    await expect(problemsOf(SET_UP, rowOf(`| \`x\` | \`${here}\` | y → \`${claim}\` | |`))).rejects.toThrow(message);
  });

  test('an import of what the package does not have throws', async () => {
    const row = rowOf('| `x` | `1` | y → `= 1` | |');
    await expect(problemsOf(`import { nothing } from 'credit-management';\n${SET_UP}`, row)).rejects.toThrow('nothing');
  });
});

describe('a row that is not understood is refused', () => {
  test.each([
    ['| `x` | `1` | y → `= 1` |', 'Not 4 cells'],
    ['| `x` | `1` | y → `= 1` | | |', 'Not 4 cells'],
    ['| `x` | `1` | y → `= 1` | no end', 'Not a table line'],
    ['| x | `1` | y → `= 1` | |', 'Nothing of theirs'],
    ['| `x` | later | y → `= 1` | |', 'not one code span'],
    ['| `x` | `1` or `2` | y → `= 1` | |', 'not one code span'],
    ['| `x` | `1` | `= 1` | |', 'Not "result there'],
    ['| `x` | `1` | → `= 1` | |', 'Not "result there'],
    ['| `x` | `1` | y → one | |', 'Not "result there'],
    ['| `x` | `1` | y → `= 1`, more | |', 'Not "result there'],
    ['| `x` | `1` | y → `= 1`; z | |', 'Not "result there'],
    ['| `x` | `1` | y → `.total` | |', 'Not a claim'],
    ['| `x` | `1` | y → `: Page` | |', 'Not a type'],
    ['| `x` | `1` | y → `.a = 1`; z → `error.code = 1` | |', 'about a result and about an error'],
    ['| `x` | `1` | y → `= 1` | see `credits.canAfford()` |', 'no test runs'],
    ['\nSee `credits.canAfford()`.', 'no test runs'],
    ['\n| there | here | result there → here | remark |', 'second table'],
  ])('%s', (line, message) => {
    expect(() => readSection(readme('| `a` | `1` | b → `= 1` | |', line))).toThrow(message);
  });

  test.each<[string, (markdown: string) => string]>([
    ['no section', (markdown) => markdown.replace('## Coming from', '## From')],
    ['no ```js block', (markdown) => markdown.replace(/```js.*```/s, '')],
    ['no other blocks', (markdown) => markdown.replace('```js', '```ts')],
    ['not understood', (markdown) => markdown.replace('```js', '```js x')],
    ['no paragraph', (markdown) => markdown.replace('Without', 'With')],
    ['outside the subsections', (markdown) => markdown.replace('### y', '')],
    ['has no table', (markdown) => markdown.replaceAll(/^\|.*\n/gm, '')],
    ['another header', (markdown) => markdown.replace('remark', 'note')],
    ['no ruler', (markdown) => markdown.replace('|---|', '|===|')],
  ])('%s', (message, change) => {
    expect(() => readSection(change(readme('| `x` | `1` | y → `= 1` | |')))).toThrow(message);
  });

  test('a bar inside a cell is written with a backslash', () => {
    const { tables }: Section = readSection(readme('| `x` | `0 \\|\\| 1` | y → `= 1` | |'));
    expect(tables[0]?.rows[0]?.here).toBe('0 || 1');
  });
});
