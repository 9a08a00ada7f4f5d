/** Every database adapter is exported, is told of, and runs the suite of its port; one that does not is found. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, type SourceFiles, sourceFiles } from './source-files.js';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** One sentence for each place that an adapter of `src/db` is missing from. */
function adapterProblems(files: SourceFiles, told: string): string[] {
  const isNamed = (name: string, where: RegExp) =>
    [...files].some(([path, text]) => where.test(path) && new RegExp(`\\b${name}\\b`).test(text));
  const adapters = [...files].flatMap(([path, text]) =>
    path.startsWith('src/db/') ? [...text.matchAll(/class (\w+)[^{]* implements DbManager\b/g)].map(([, n]) => n) : [],
  ) as string[];
  return adapters.flatMap((name) => [
    ...(isNamed(name, /^src\/(index|entries\/\w+)\.ts$/) ? [] : [`no file of src/entries exports ${name}`]),
    ...(isNamed(name, /^test\/db\/conformance[\w-]*\.test\.ts$/)
      ? []
      : [`no test/db/conformance-*.test.ts runs ${name}`]),
    ...(told.includes(`\`new ${name}(`) ? [] : [`the section "Your database" of README.md does not name ${name}`]),
  ]);
}

const files = new Map([...sourceFiles('src'), ...sourceFiles('test/db')]);

test('every adapter is exported, is in README.md and runs the conformance suite', () => {
  const adapters = [...files].filter(([path, text]) => path.startsWith('src/db/') && /implements DbManager/.test(text));
  expect(adapters.length).toBeGreaterThan(2);
  expect(adapterProblems(files, readme)).toEqual([]);
});

test('an adapter that stands alone is found', () => {
  const planted = new Map([...files, ['src/db/x/manager.ts', 'export class XDbManager implements DbManager<never> {']]);
  expect(adapterProblems(planted, readme)).toEqual([
    'no file of src/entries exports XDbManager',
    'no test/db/conformance-*.test.ts runs XDbManager',
    'the section "Your database" of README.md does not name XDbManager',
  ]);
});
