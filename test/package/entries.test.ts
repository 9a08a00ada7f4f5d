/** The three lists of entries and the files of src/entries say the same, and a difference either way is found. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type EntryLists, entryProblems } from './entries.js';
import { manifest, ROOT, sourceFiles } from './source-files.js';

const textOf = (name: string) => readFileSync(join(ROOT, name), 'utf8');

function lists(): EntryLists {
  const { exports, bin } = manifest();
  const [, built = ''] = /\n {2}entry: \{([^}]*)\}/.exec(textOf('tsup.config.ts')) ?? [];
  const entries = [...built.matchAll(/(\S+): '(\S+)'/g)].map(([, name, file]) => [name, file]);
  return {
    files: sourceFiles('src').keys(),
    built: Object.fromEntries(entries),
    exports,
    programs: bin,
    paths: JSON.parse(textOf('tsconfig.json')).compilerOptions.paths,
  };
}

test('every entry has its line in each list, and every line its file', () => {
  const given = lists();
  expect(Object.keys(given.built).length).toBeGreaterThan(4);
  expect(entryProblems(given)).toEqual([]);
});

test('README.md tells of every entry that is imported', () => {
  const told = [...textOf('README.md').matchAll(/^\| `(credit-management(?:\/\w+)?)` \|/gm)].map(([, name]) => name);
  const { name, bin } = manifest();
  const entries = [...sourceFiles('src/entries').keys()].map((path) =>
    path.slice('src/entries/'.length, -'.ts'.length),
  );
  const imported = entries.filter((entry) => !Object.values(bin).includes(`./dist/${entry}.js`));
  expect(told.sort()).toEqual([name, ...imported.map((entry) => `${name}/${entry}`)].sort());
});

const without = <T>(from: Readonly<Record<string, T>>, name: string) =>
  Object.fromEntries(Object.entries(from).filter(([key]) => key !== name));

const PLANTED: readonly [what: string, plant: (given: EntryLists) => Partial<EntryLists>, found: readonly string[]][] =
  [
    [
      'a file that no list names',
      ({ files }) => ({ files: [...files, 'src/entries/kafka.ts'] }),
      [
        'tsup.config.ts: kafka is missing',
        'exports of package.json: ./kafka is missing',
        'paths of tsconfig.json: credit-management/kafka is missing',
      ],
    ],
    [
      'lists that name a file that is gone',
      ({ files }) => ({ files: [...files].filter((file) => file !== 'src/entries/sql.ts') }),
      [
        'tsup.config.ts: sql has no file in src/entries',
        'exports of package.json: ./sql has no file in src/entries',
        'paths of tsconfig.json: credit-management/sql has no file in src/entries',
      ],
    ],
    [
      'an entry that is not built',
      ({ built }) => ({ built: without(built, 'env') }),
      ['tsup.config.ts: env is missing'],
    ],
    [
      'an entry that is not exported',
      ({ exports }) => ({ exports: without(exports, '.') }),
      ['exports of package.json: . is missing'],
    ],
    [
      'an entry without a path for the compiler',
      ({ paths }) => ({ paths: without(paths, 'credit-management') }),
      ['paths of tsconfig.json: credit-management is missing'],
    ],
    [
      'an entry that is built of another file',
      ({ built }) => ({ built: { ...built, sql: 'src/entries/mongodb.ts' } }),
      ['tsup.config.ts: sql is "src/entries/mongodb.ts" and not "src/entries/sql.ts"'],
    ],
    [
      'an export of another output',
      ({ exports }) => ({ exports: { ...exports, './env': './dist/env.js' } }),
      [expect.stringMatching(/^exports of package.json: .\/env is ".\/dist\/env.js" and not \{"import"/)],
    ],
    [
      'a program that is built of nothing',
      ({ programs }) => ({ programs: { ...programs, other: './dist/other.js' } }),
      ['bin of package.json: ./dist/other.js is built of no file of src/entries'],
    ],
  ];

test.each(PLANTED)('%s is found', (_, plant, found) => {
  const given = lists();
  expect(entryProblems({ ...given, ...plant(given) })).toEqual(found);
});
