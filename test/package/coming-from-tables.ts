/**
 * The section "Coming from …" of README.md, read strictly: a set-up in its introduction, then one subsection a system
 * with one table each, and perhaps a set-up of its own. A row is
 *
 *     | `their call or field` | `an expression of ours` | result there → `claim`, `claim` | remark |
 *
 * with several results parted by semicolons. A claim is `.path = value`, `.path: type` or, about a refusal,
 * `error.path = value`; without a path it is about the whole result. Whatever looks otherwise is an error: no row is
 * ever passed over.
 */
import { isDeepStrictEqual } from 'node:util';

export interface Section {
  /** Program text that comes before every expression of every table. */
  readonly setUp: string;
  readonly tables: readonly Table[];
  /** The code spans of the paragraph that names our verbs without a counterpart there. */
  readonly oursAlone: readonly string[];
}

export interface Table {
  readonly title: string;
  /** More program text, before the expressions of this table. */
  readonly setUp: string;
  readonly rows: readonly Row[];
}

export interface Row {
  /** The cell as it stands, with what the calls or fields there are named. */
  readonly there: string;
  /** An expression; it may be awaited. */
  readonly here: string;
  readonly claims: readonly Claim[];
}

export interface Claim {
  /** The claim as README.md has it. */
  readonly text: string;
  /** Whether it is about what the expression throws. */
  readonly ofError: boolean;
  readonly path: readonly string[];
  readonly expected: { readonly value: string } | { readonly type: ClaimType };
}

export const CLAIM_TYPES = ['string', 'number', 'boolean', 'object', 'array', 'Date', 'function'] as const;
export type ClaimType = (typeof CLAIM_TYPES)[number];

const HEADING = '## Coming from ';
const HEADER = ['there', 'here', 'result there → here', 'remark'];
const OURS_ALONE = 'Without a counterpart there: ';
const SPAN = /`([^`]+)`/g;
const RESULT = /^[^→]*[^→\s] → (`[^`]+`(?:, `[^`]+`)*)$/;
const CLAIM = /^(error(?=\.))?((?:\.\w+|\[\d+\])*) ?([=:]) (.+)$/;

/** @throws Error that says what the section lacks or which line is not understood */
export function readSection(markdown: string): Section {
  const lines = markdown.split('\n');
  const from = lines.findIndex((line) => line.startsWith(HEADING));
  if (from < 0) throw new Error(`README.md has no section "${HEADING}…"`);
  const to = lines.findIndex((line, i) => i > from && line.startsWith('## '));
  const section = lines.slice(from + 1, to < 0 ? undefined : to).join('\n');
  const [intro = '', ...parts] = section.split(/^### /m);
  const { setUp, prose } = withoutSetUp(intro);
  refuseOurCalls(prose.join('\n'), 'the introduction');
  if (setUp === '') throw new Error('The section has no ```js block before its tables');
  const tableAt = prose.find(isTableLine);
  if (tableAt !== undefined) throw new Error(`A table stands outside the subsections: ${tableAt}`);
  const paragraphs = prose.join('\n').split(/\n{2,}/);
  const paragraph = paragraphs.find((text) => text.trimStart().startsWith(OURS_ALONE));
  if (paragraph === undefined) throw new Error(`The section has no paragraph "${OURS_ALONE}…"`);
  return { setUp, tables: parts.map(readTable), oursAlone: spansOf(paragraph) };
}

function readTable(part: string): Table {
  const [title = ''] = part.split('\n');
  const { setUp, prose } = withoutSetUp(part.slice(title.length));
  const table = prose.filter(isTableLine);
  const [header, ruler, ...rows] = table;
  if (header === undefined || ruler === undefined) throw new Error(`"${title}" has no table`);
  if (!isDeepStrictEqual(cellsOf(header), HEADER)) throw new Error(`"${title}": another header: ${header}`);
  if (!/^\|(-+\|){4}$/.test(ruler)) throw new Error(`"${title}": no ruler below the header: ${ruler}`);
  if (!prose.join('\n').includes(table.join('\n'))) throw new Error(`"${title}" has a second table`);
  refuseOurCalls(prose.filter((line) => !isTableLine(line)).join('\n'), `the text of "${title}"`);
  return { title: title.trim(), setUp, rows: rows.map(readRow) };
}

function readRow(line: string): Row {
  const cells = cellsOf(line);
  if (cells.length !== HEADER.length) throw new Error(`Not ${HEADER.length} cells: ${line}`);
  const [there = '', here = '', result = '', remark = ''] = cells;
  if (spansOf(there).length === 0) throw new Error(`Nothing of theirs is named: ${line}`);
  const expression = /^`([^`]+)`$/.exec(here)?.[1];
  if (expression === undefined) throw new Error(`What is here is not one code span: ${line}`);
  refuseOurCalls(remark, line);
  const claims = result.split('; ').flatMap((part) => {
    const spans = RESULT.exec(part)?.[1];
    if (spans === undefined) throw new Error(`Not "result there → \`claim\`": ${part} in ${line}`);
    return spansOf(spans).map((text) => readClaim(text, line));
  });
  if (claims.some((claim) => claim.ofError !== claims[0]?.ofError)) {
    throw new Error(`Claims about a result and about an error: ${line}`);
  }
  return { there, here: expression, claims };
}

function readClaim(text: string, line: string): Claim {
  const [, error, steps = '', sign, wanted = ''] = CLAIM.exec(text) ?? [];
  if (sign === undefined) throw new Error(`Not a claim: ${text} in ${line}`);
  const path = steps.match(/\w+/g) ?? [];
  const claim = { text, ofError: error !== undefined, path };
  if (sign === '=') return { ...claim, expected: { value: wanted } };
  const type = CLAIM_TYPES.find((known) => known === wanted);
  if (type === undefined) throw new Error(`Not a type: ${text} in ${line}`);
  return { ...claim, expected: { type } };
}

/** Text that no test runs may not show calls of ours. */
function refuseOurCalls(text: string, where: string): void {
  const call = spansOf(text).find((span) => /\b(credits|manager)\.\w+/.test(span));
  if (call !== undefined) throw new Error(`A call of ours that no test runs: ${call} in ${where}`);
}

function withoutSetUp(text: string): { setUp: string; prose: string[] } {
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  if (blocks.length > 1 || blocks.some(([, language]) => language !== 'js')) {
    throw new Error('A set-up is one ```js block; no other blocks are expected');
  }
  const [block = '', , setUp = ''] = blocks[0] ?? [];
  const prose = text.replace(block, '').split('\n');
  if (prose.some((line) => line.startsWith('```'))) throw new Error('A block is not understood');
  return { setUp, prose };
}

const isTableLine = (line: string): boolean => line.trimStart().startsWith('|');

const spansOf = (text: string): string[] => [...text.matchAll(SPAN)].map(([, span = '']) => span);

/** The cells of a table line; `\|` is a bar inside a cell. */
function cellsOf(line: string): string[] {
  const inner = /^\|(.*)\|$/.exec(line)?.[1];
  if (inner === undefined) throw new Error(`Not a table line: ${line}`);
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
}
