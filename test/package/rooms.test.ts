/** The rooms of `src/services` import only leftward, no files import each other in a loop, and the check finds both. */
import { describe, expect, test } from 'vitest';
import { brokenRooms, importLoops } from './rooms.js';
import { sourceFiles } from './source-files.js';

const src = sourceFiles('src');

test('rooms of services import only leftward, and features never one another', () => {
  expect([...src.keys()].filter((path) => path.startsWith('src/services/')).length).toBeGreaterThan(50);
  expect(brokenRooms(src)).toEqual([]);
});

test('no files of src import each other in a loop', () => {
  expect(importLoops(src)).toEqual([]);
});

describe('the check finds a planted import', () => {
  test.each([
    ['src/services/store/x.ts', '../pipeline/engine.js', 'store may not import pipeline'],
    ['src/services/store/x.ts', '../input/parse.js', 'store may not import input'],
    ['src/services/pipeline/x.ts', '../credits/records.js', 'pipeline may not import credits'],
    ['src/services/plans/x.ts', '../credits/records.js', 'plans may not import credits'],
    ['src/services/credits/x.ts', '../jobs/lease.js', 'credits may not import jobs'],
    ['src/services/jobs/x.ts', '../manager/ids.js', 'jobs may not import manager'],
    ['src/services/attic/x.ts', '../store/store.js', 'the table has no room "attic"'],
    ['src/services/x.ts', './store/store.js', 'the table has no room ""'],
  ])('%s imports %s', (path, specifier, found) => {
    const files = new Map([[path, `import type { X } from '${specifier}';`]]);
    expect(brokenRooms(files)).toEqual([expect.stringContaining(found)]);
  });

  test('a loop of three files, of types alone too', () => {
    const importing = (name: string) => `import type { X } from './${name}.js';`;
    const files = new Map([
      ['src/core/a.ts', importing('b')],
      ['src/core/b.ts', importing('c')],
      ['src/core/c.ts', importing('a')],
      ['src/core/d.ts', importing('a')],
    ]);
    expect(importLoops(files)).toEqual(['src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts']);
  });
});

test('imports to the left pass', () => {
  const text = "import { a } from '../store/a.js'; import { b } from '../pipeline/b.js'; import { c } from './c.js';";
  expect(brokenRooms(new Map([['src/services/plans/x.ts', text]]))).toEqual([]);
});
