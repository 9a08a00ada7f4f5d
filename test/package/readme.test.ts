/** The program of README.md is examples/readme.ts, short, and prints what README.md says it prints. */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runTypeScript } from './child.js';
import { firstScreenOf, readFirstScreen } from './readme-blocks.js';
import { ROOT } from './source-files.js';

const EXAMPLE = join(ROOT, 'examples', 'readme.ts');

describe('the program of README.md', () => {
  test('is examples/readme.ts', () => {
    expect(readFirstScreen().program).toBe(readFileSync(EXAMPLE, 'utf8').trim());
  });

  test('has at most 25 lines', () => {
    expect(readFirstScreen().program.split('\n').length).toBeLessThanOrEqual(25);
  });

  test('prints what README.md says', () => {
    expect(runTypeScript(EXAMPLE, { cwd: tmpdir(), timeoutMs: 60_000 }).trim()).toBe(readFirstScreen().output);
  });
});

describe('the section "Audit and repair"', () => {
  const example = join(ROOT, 'examples', 'audit-and-repair.ts');
  const section = readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n## Audit and repair\n')[1] ?? '';
  const [program, output] = [...section.matchAll(/^```(?:ts|text)\n(.*?)^```$/gms)].map(([, text]) => text?.trim());

  test('shows the example as it is, and what it prints', () => {
    expect(program).toBe(readFileSync(example, 'utf8').trim());
    expect(runTypeScript(example, { cwd: tmpdir(), timeoutMs: 60_000 }).trim()).toBe(output);
  });
});

describe('reading the first screen', () => {
  const fence = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n`;
  const install = fence('sh', 'npm install credit-management\nnpx tsx credits.mts');
  const program = fence('ts', "import 'credit-management';\n");
  const output = fence('text', 'balance 3');

  test('finds the parts', () => {
    expect(firstScreenOf(`# x\n\n${install}${program}It prints:\n\n${output}${fence('ts', 'more')}`)).toEqual({
      install: ['npm install credit-management'],
      program: "import 'credit-management';",
      output: 'balance 3',
      run: 'npx tsx credits.mts',
      file: 'credits.mts',
    });
  });

  test.each([
    ['no ```ts block', install + output],
    ['shows what it prints', install + program],
    ['npm install credit-management', `${program}${output}node x.mjs`],
    ['how to run the program', fence('sh', 'npm i credit-management') + program + output],
  ])('says that there is: %s', (problem, markdown) => {
    expect(() => firstScreenOf(markdown)).toThrow(problem);
  });
});
