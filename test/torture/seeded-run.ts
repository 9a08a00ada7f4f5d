/**
 * Proof that the suite can fail: small patches, applied one at a time to a copy of the tree, each of which must turn
 * its named tests red. `CREDIT_SEEDED=SB-07,SB-12` runs these alone, and `CREDIT_SEEDED=3/12` the third twelfth of the
 * list, which as a whole takes longer than one run may.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NamedTest, SeededBug } from './seeded-bug.js';
import { SEEDED_BUGS } from './seeded-bugs.js';
import { endRuns, type Verdict, verdictsOf } from './seeded-vitest.js';

/** All of it, and one run. What does not fit fails. */
const TOTAL_MS = 8 * 60_000;
const RUN_MS = 60_000;
const COPIED = ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

/** One line a bug. `passed`: its named tests were green without the patch and red with it. */
export async function seededBugs(): Promise<{ passed: number; failed: number }> {
  const bugs = chosen(process.env.CREDIT_SEEDED);
  if (bugs.length === 0) throw new Error('CREDIT_SEEDED names no bug of the list.');
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'credit-seeded-')));
  const cleanUp = () => {
    endRuns();
    rmSync(root, { recursive: true, force: true });
  };
  const stop = () => process.exit(130);
  process.once('exit', cleanUp);
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return await runAll(root, bugs);
  } finally {
    for (const [event, listener] of [
      ['exit', cleanUp] as const,
      ['SIGINT', stop] as const,
      ['SIGTERM', stop] as const,
    ]) {
      process.off(event, listener);
    }
    cleanUp();
  }
}

/** All when nothing is said. */
function chosen(said: string | undefined): readonly SeededBug[] {
  if (!said) return SEEDED_BUGS;
  const [, part, parts] = /^(\d+)\/(\d+)$/.exec(said) ?? [];
  if (!part) return SEEDED_BUGS.filter(({ id }) => said.split(',').includes(id));
  const size = SEEDED_BUGS.length / Number(parts);
  return SEEDED_BUGS.filter((_, i) => Math.floor(i / size) === Number(part) - 1);
}

async function runAll(root: string, bugs: readonly SeededBug[]): Promise<{ passed: number; failed: number }> {
  const began = performance.now();
  const until = began + TOTAL_MS;
  const tree = copyTree(root);
  const unpatched = await unpatchedVerdicts(root, tree, bugs);
  const counts = { passed: 0, failed: 0 };
  for (const bug of bugs) {
    const start = performance.now();
    const problem = notGreen(bug, unpatched) ?? (await problemOf(root, tree, bug, until));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    counts[problem === null ? 'passed' : 'failed']++;
    const what = `${bug.id.padEnd(7)}${bug.title} (${bug.file})`;
    console.log(problem === null ? `red     ${what}, ${seconds} s` : `NOT RED ${what}: ${problem}`);
  }
  const total = Math.round((performance.now() - began) / 1000);
  console.log(`seeded bugs: ${counts.passed} turned their tests red, ${counts.failed} did not, ${total} s`);
  return counts;
}

/** The part of the tree that tests need; packages are shared. */
function copyTree(root: string): string {
  const from = fileURLToPath(new URL('../../', import.meta.url));
  const tree = join(root, 'tree');
  mkdirSync(tree);
  for (const name of COPIED) cpSync(join(from, name), join(tree, name), { recursive: true });
  symlinkSync(realpathSync(join(from, 'node_modules')), join(tree, 'node_modules'));
  return tree;
}

type Verdicts = ReadonlyMap<string, Verdict>;
const keyOf = ({ file, name }: NamedTest) => `${file}\n${name}`;

/** Every named test once, without any patch. */
async function unpatchedVerdicts(root: string, tree: string, bugs: readonly SeededBug[]): Promise<Verdicts> {
  const tests = [...new Map(bugs.flatMap((bug) => bug.tests).map((test) => [keyOf(test), test])).values()];
  if (tests.length === 0) return new Map();
  const verdicts = await verdictsOf(root, tree, tests, 2 * RUN_MS);
  return new Map(tests.map((test, i) => [keyOf(test), verdicts[i] as Verdict]));
}

function notGreen({ tests }: SeededBug, unpatched: Verdicts): string | null {
  if (tests.length === 0) return 'it names no test';
  const wrong = tests.find((test) => unpatched.get(keyOf(test)) !== 'green');
  return wrong ? `without the patch ${quote(wrong)} is ${unpatched.get(keyOf(wrong))}` : null;
}

/** Null when the patch turned every named test red; else why it did not. The file is as before afterwards. */
async function problemOf(root: string, tree: string, bug: SeededBug, until: number): Promise<string | null> {
  const left = until - performance.now();
  if (left <= 0) return `no time left of ${TOTAL_MS / 60_000} minutes: CREDIT_SEEDED=1/12 runs a part`;
  const path = join(tree, bug.file);
  const text = textOf(path);
  if (text === null) return 'the patch no longer applies: there is no such file';
  let patched = text;
  for (const { find, replace } of [bug, ...(bug.also ?? [])]) {
    const times = patched.split(find).length - 1;
    if (times !== 1) return `the patch no longer applies: ${JSON.stringify(find.trim())} occurs ${times} times`;
    patched = patched.replace(find, () => replace);
  }
  try {
    writeFileSync(path, patched);
    const verdicts = await verdictsOf(root, tree, bug.tests, Math.min(RUN_MS, left));
    const i = verdicts.findIndex((verdict) => verdict !== 'red');
    return i < 0 ? null : `${quote(bug.tests[i] as NamedTest)} is ${verdicts[i]}`;
  } finally {
    writeFileSync(path, text);
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function quote({ file, name }: NamedTest): string {
  return `${file} '${name}'`;
}
