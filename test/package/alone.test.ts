/** Test files share their loaded modules and their process: what would reach the next file has a process of its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT, type SourceFiles, sourceFiles } from './source-files.js';

/** Replaces a module for everybody, changes the environment, or measures a heap that others fill. */
const REACHES = /\bvi\.(mock|doMock|stubEnv|stubGlobal)\(|process\.env(\.\w+|\[[^\]]+\]) (\|\|)?= |\bmemoryUsage\(/;
/** A hook of a module that files share is registered for the first of them only. */
const SHARED_HOOK = /^(before|after)(All|Each)\(/m;

/** Of a glob with nothing but stars in it. */
function patternOf(glob: string): RegExp {
  const parts = glob.split('**/').map((part) => part.replaceAll('.', '\\.').replaceAll('*', '[^/]*'));
  return new RegExp(`^${parts.join('(.*/)?')}$`);
}

/** What would reach other files, one sentence each. */
function leaks(files: SourceFiles, alone: readonly string[]): string[] {
  const patterns = alone.map(patternOf);
  const isAlone = (path: string) => patterns.some((pattern) => pattern.test(path));
  const tests = [...files.keys()].filter((path) => path.endsWith('.test.ts') && !isAlone(path));
  const problems: string[] = [];
  for (const [path, text] of files) {
    if (path.endsWith('.test.ts')) {
      if (tests.includes(path) && REACHES.test(text)) problems.push(`${path} must be alone`);
      continue;
    }
    if (SHARED_HOOK.test(text)) problems.push(`${path} has a hook of its own`);
    if (!REACHES.test(text)) continue;
    const name = `/${path.split('/').at(-1)?.replace(/\.ts$/, '.js')}'`;
    const users = tests.filter((user) => files.get(user)?.includes(name));
    problems.push(...users.map((user) => `${user} must be alone: it uses ${path}`));
  }
  return problems;
}

const GLOBS = (() => {
  const [, list = ''] = /const ALONE = \[([^\]]*)\]/.exec(readFileSync(join(ROOT, 'vitest.config.ts'), 'utf8')) ?? [];
  return [...list.matchAll(/'([^']+)'/g)].map(([, glob]) => glob as string);
})();

/** What runs in processes of its own anyway, or around the tests. */
const OUTSIDE = /^test\/(bench|torture)\/|-worker\.ts$|^test\/backends\/setup\.ts$|^test\/package\/alone\.test\.ts$/;

test('every test file that reaches beyond itself runs alone', () => {
  const files = new Map([...sourceFiles('test')].filter(([path]) => !OUTSIDE.test(path)));
  expect(GLOBS.length).toBeGreaterThan(5);
  expect(leaks(files, GLOBS)).toEqual([]);
});

describe('the check finds', () => {
  const text = "vi.mock('./a.js');";
  test.each<[string, [string, string][], string]>([
    ['a module that is replaced', [['test/a/x.test.ts', text]], 'test/a/x.test.ts must be alone'],
    ['a variable', [['test/a/x.test.ts', "process.env.TZ = 'UTC';"]], 'test/a/x.test.ts must be alone'],
    ['a heap', [['test/a/x.test.ts', 'process.memoryUsage().heapUsed']], 'test/a/x.test.ts must be alone'],
    ['a hook that files share', [['test/a/x.ts', 'afterAll(() => {});']], 'test/a/x.ts has a hook of its own'],
    [
      'a module that is replaced in what a file uses',
      [
        ['test/a/x.ts', text],
        ['test/a/y.test.ts', "import './x.js';"],
        ['test/b/z.test.ts', "import './x.js';"],
      ],
      'test/a/y.test.ts must be alone: it uses test/a/x.ts',
    ],
  ])('%s', (_, files, found) => {
    expect(leaks(new Map(files), ['test/b/*.test.ts'])).toEqual([found]);
  });
});
