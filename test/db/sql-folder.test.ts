/** What all SQL databases share names none of them: a new one is a folder and a driver, and no edit of the rest. */
import { describe, expect, test } from 'vitest';
import { type SourceFiles, sourceFiles } from '../package/source-files.js';

/** A database, a package that reaches it, or a code of its errors. */
const NAMES: readonly RegExp[] = [
  /postgres/i,
  /\bpg/i,
  // SQLSTATE, its name and its five characters, with dots for those that may be anything.
  /sqlstate/i,
  /\b(?=[A-Z]*\d)[0-9A-Z]{5}\b|\b\d[0-9A-Z]\.\.\./,
  /mysql|maria/i,
  /sqlite/i,
];

/** `path:line` and the text of every line of a shared file that names a database. */
function namesOf(files: SourceFiles): string[] {
  return [...files]
    .filter(([path]) => /^src\/db\/sql\/[^/]+\.ts$/.test(path))
    .flatMap(([path, text]) =>
      text
        .split('\n')
        .flatMap((line, i) => (NAMES.some((name) => name.test(line)) ? [`${path}:${i + 1} ${line.trim()}`] : [])),
    );
}

test('the files directly in src/db/sql name no database, no driver and no code of an error', () => {
  const files = sourceFiles('src');
  expect([...files.keys()].filter((path) => path.startsWith('src/db/sql/')).length).toBeGreaterThan(15);
  expect(files.has('src/db/sql/manager.ts')).toBe(true);
  expect(namesOf(files)).toEqual([]);
});

describe('a name is found', () => {
  test.each([
    ["import { postgres } from './postgres/dialect.js';"],
    ["import { PgSource } from './drivers/pg.js';"],
    ["const { default: pg } = await import('pg');"],
    ["import type { PgliteLike } from './drivers/pglite.js';"],
    ['/** A `pg` pool. */'],
    ['const SETUP = /^(28...|3F...)$/;'],
    ["if (code === '42P01') return null;"],
    ["if (code === '23505') return null;"],
    ['const message = `The database refuses this service (SQLSTATE).`;'],
    ["if (dialect.name === 'mysql') return 1;"],
    ['// SQLite has no schemas.'],
  ])('%s', (line) => {
    expect(namesOf(new Map([['src/db/sql/x.ts', `const a = 1;\n${line}\n`]]))).toEqual([`src/db/sql/x.ts:2 ${line}`]);
    expect(namesOf(new Map([['src/db/sql/postgres/x.ts', line]])), 'it belongs in the folders').toEqual([]);
  });

  test('and nothing else is', () => {
    const line = "const page = { limit: 10_000, timeoutMs: 60_000, wide: 2 ** 31, sql: 'select 1 -- BEGIN' };";
    expect(namesOf(new Map([['src/db/sql/x.ts', line]]))).toEqual([]);
  });
});
