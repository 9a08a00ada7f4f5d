/** Files stay small, lines fit a screen, and the source keeps away from what makes money inexact. */
import { describe, expect, test } from 'vitest';
import { BANNED_IN_CORE, BANNED_IN_SRC, bannedIn } from './banned.js';
import { type SourceFiles, sourceFiles } from './source-files.js';

const COLUMNS = 120;
// In two parts, so that this file does not find itself.
const LEFT_OPEN = new RegExp(`\\b(TO${'DO'}|FIX${'ME'}|XX${'X'})\\b`);

const src = sourceFiles('src');
const all = sourceFiles('src', 'test', 'examples');

const linesOf = (text: string): string[] => text.replace(/\n$/, '').split('\n');

/** `path:line` of every line for which `is` holds. */
function linesWhere(files: SourceFiles, is: (line: string) => boolean): string[] {
  return [...files].flatMap(([path, text]) =>
    linesOf(text).flatMap((line, i) => (is(line) ? [`${path}:${i + 1} ${line.trim().slice(0, 60)}`] : [])),
  );
}

test('the median source file has at most 130 lines and none has over 400', () => {
  const sizes = [...src].map(([path, text]) => ({ path, lines: linesOf(text).length }));
  sizes.sort((a, b) => a.lines - b.lines);
  expect(sizes.length).toBeGreaterThan(50);
  const median = sizes[Math.floor(sizes.length / 2)]?.lines ?? Number.NaN;
  console.log(`${sizes.length} source files, median ${median} lines, longest ${JSON.stringify(sizes.at(-1))}`);
  expect(median).toBeLessThanOrEqual(130);
  expect(sizes.filter(({ lines }) => lines > 400)).toEqual([]);
});

test(`no line of src, test and examples is longer than ${COLUMNS} columns`, () => {
  expect(linesWhere(all, (line) => [...line].length > COLUMNS)).toEqual([]);
});

test('nothing is left open', () => {
  expect(linesWhere(all, (line) => LEFT_OPEN.test(line))).toEqual([]);
  expect(LEFT_OPEN.test(`// ${'TO'}${'DO'}: later`)).toBe(true);
});

test('src has no type any, no Math.random and no arithmetic on decimals', () => {
  expect([...src].flatMap(([path, text]) => bannedIn(path, text, BANNED_IN_SRC))).toEqual([]);
});

test('core has no clock, no chance, no waiting and no process', () => {
  const core = [...src].filter(([path]) => path.startsWith('src/core/'));
  expect(core.length).toBeGreaterThan(10);
  expect(core.flatMap(([path, text]) => bannedIn(path, text, BANNED_IN_CORE))).toEqual([]);
});

describe('what is banned is found', () => {
  test.each([
    ['let x: any;', 'any'],
    ['const x = y as any;', 'any'],
    ['function f(x: any[]): Promise<any> {}', 'any', 'any'],
    ['const x = Math.random();', 'Math.random'],
    ['const text = (1.5).toFixed(2);', 'toFixed'],
    ['const x = parseFloat("1");', 'parseFloat'],
    ['const x = Number.parseFloat("1");', 'parseFloat'],
    ['// Math.random, any, toFixed\nconst text = "parseFloat";'],
  ])('in src: %s', (text, ...found) => {
    expect(bannedIn('x.ts', text, BANNED_IN_SRC)).toEqual(found.map((what) => expect.stringContaining(what)));
  });

  test.each([
    ['const x = await y;', 'await'],
    ['async function f() {}', 'async'],
    ['const x = Date.now();', 'Date.now'],
    ['const now = Date.now.bind(Date);', 'Date.now'],
    ['const x = new Date();', 'new Date()'],
    ['const x = performance.now();', 'performance'],
    ['process.exit(1);', 'process'],
    ['const x = new Date(command.at); const y = { process: 1 }; y.process;'],
  ])('in core: %s', (text, ...found) => {
    expect(bannedIn('x.ts', text, BANNED_IN_CORE)).toEqual(found.map((what) => expect.stringContaining(what)));
  });
});
