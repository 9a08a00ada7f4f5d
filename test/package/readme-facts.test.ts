/** README.md names what is there: folders of the source, codes of errors, sections of its contents. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { optionsOf } from './declared-options.js';
import { ROOT } from './source-files.js';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** The text below a heading, up to the next one of its rank or above. */
function section(heading: string): string {
  const rank = heading.indexOf(' ');
  const below = readme.split(`\n${heading}\n`)[1];
  if (below === undefined) throw new Error(`README.md has no "${heading}"`);
  return below.split(new RegExp(`^#{1,${rank}} `, 'm'))[0] ?? '';
}

/** The code spans of the first cells of a section's tables. */
const firstCells = (text: string): string[] =>
  text
    .split('\n')
    .flatMap((line) => [...(/^\|([^|]*)\|/.exec(line)?.[1] ?? '').matchAll(/`([^`]+)`/g)].map((m) => m[1] ?? ''));

const folders = (path: string): string[] =>
  readdirSync(join(ROOT, path), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

describe('the layout', () => {
  const told = firstCells(section('### Layout'));

  test('has every folder of src', () => {
    const inTable = told.filter((name) => name.startsWith('src/'));
    expect(inTable.sort()).toEqual(
      folders('src')
        .map((name) => `src/${name}`)
        .sort(),
    );
  });

  test('has every room of services', () => {
    expect(told.filter((name) => !name.includes('/')).sort()).toEqual(folders('src/services').sort());
  });
});

test('every code of an error is told of, once', () => {
  const table = section('## Errors').split('<summary>Every code</summary>')[1] ?? '';
  const codes = [...table.matchAll(/`([A-Z]+(?:_[A-Z]+)*)`/g)].map((match) => match[1] ?? '');
  const declared = optionsOf('CreditErrorDetails').map((path) => path.split('.')[0] ?? '');
  expect(codes.sort()).toEqual([...new Set(declared)].sort());
});

test('the contents lead to every section, in their order', () => {
  const headings = [...readme.matchAll(/^## (.+)$/gm)]
    .map(([, title]) => title)
    .filter((title) => title !== 'Contents');
  const links = [...section('## Contents').matchAll(/^- \[(.+)\]\(#(.+)\)$/gm)];
  expect(links.map(([, title]) => title)).toEqual(headings);
  expect(links.map(([, , anchor]) => anchor)).toEqual(
    headings.map((title) => title?.toLowerCase().replaceAll(' ', '-')),
  );
});

test('files that are named exist', () => {
  const named = [...readme.matchAll(/`((?:examples|test|src|\.github)\/[\w./-]+)`/g)].map((match) => match[1] ?? '');
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('every example is told of, once', () => {
  const examples = readdirSync(join(ROOT, 'examples')).map((name) => `examples/${name}`);
  expect(firstCells(section('## Examples')).sort()).toEqual(examples.sort());
});
