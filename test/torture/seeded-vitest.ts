/** Runs named tests of a tree with vitest, and says of each whether it was red. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { NamedTest } from './seeded-bug.js';

/** `red` is a failed assertion or error of the test itself; everything else says why it is neither green nor red. */
export type Verdict = 'green' | 'red' | `unclear: ${string}`;

interface Assertion {
  readonly status: string;
  readonly fullName: string;
  readonly duration?: number | null;
  readonly failureMessages?: readonly string[];
}
interface Suite {
  readonly name: string;
  readonly message?: string;
  readonly assertionResults: readonly Assertion[];
}

/** A test that hangs is ended by vitest well before the whole run is. */
const TEST_MS = 20_000;
/** A test gives up waiting before it times out, so that it fails by itself. */
const HANG_MS = 8_000;
// The report has the stack of a time-out, not its message.
const TIMED_OUT = /STACK_TRACE_ERROR|timed out in \d+ms/;
const running = new Set<number>();

/** Verdicts in the order of `tests`. Never throws: a run that crashes or takes longer than `limitMs` is unclear. */
export async function verdictsOf(
  root: string,
  tree: string,
  tests: readonly NamedTest[],
  limitMs: number,
): Promise<readonly Verdict[]> {
  const report = join(root, 'report.json');
  rmSync(report, { force: true });
  const files = [...new Set(tests.map((test) => test.file))];
  const names = tests.map(({ name }) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const selected = [
    ...files,
    '--project=!mongodb',
    '-t',
    [...new Set(names)].join('|'),
    '--no-cache',
    `--testTimeout=${TEST_MS}`,
  ];
  const problem = await vitest(tree, [...selected, '--reporter=json', `--outputFile=${report}`], limitMs);
  const suites = suitesOf(report);
  return tests.map((test): Verdict => {
    return suites ? verdictOf(test, tree, suites) : `unclear: ${problem ?? 'vitest left no report'}`;
  });
}

function verdictOf({ file, name }: NamedTest, tree: string, suites: readonly Suite[]): Verdict {
  const suite = suites.find((one) => relative(tree, one.name) === file);
  if (!suite) return 'unclear: the file was not run';
  const found = suite.assertionResults.filter((one) => one.fullName.includes(name));
  const [only] = found;
  if (!only) return `unclear: no such test was run. ${firstLine(suite.message)}`;
  if (found.length > 1) return `unclear: ${found.length} tests have this name`;
  if (only.status === 'passed') return 'green';
  if (only.status !== 'failed') return `unclear: the test was ${only.status}`;
  const late = (only.duration ?? 0) >= TEST_MS || TIMED_OUT.test(only.failureMessages?.[0] ?? '');
  return late ? 'unclear: the test timed out' : 'red';
}

function suitesOf(report: string): readonly Suite[] | null {
  try {
    return (JSON.parse(readFileSync(report, 'utf8')) as { testResults: readonly Suite[] }).testResults;
  } catch {
    // No report, or half of one: the run crashed or was ended.
    return null;
  }
}

/** Null when vitest ended by itself, whatever the tests said; else what went wrong with the run. */
function vitest(tree: string, args: readonly string[], limitMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    // `npx vitest` without the shell in between; a group of its own, so that it ends with all its workers.
    const command = [join(tree, 'node_modules/vitest/vitest.mjs'), 'run', ...args];
    const child = spawn(process.execPath, command, {
      cwd: tree,
      detached: true,
      env: { ...process.env, CREDIT_TEST_FULL: '1', CREDIT_HANG_MS: String(HANG_MS) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (child.pid !== undefined) running.add(child.pid);
    let errors = '';
    child.stderr.on('data', (text: Buffer) => {
      errors = `${errors}${text.toString()}`.slice(-2_000);
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      endGroup(child.pid);
    }, limitMs);
    const end = (problem: string | null) => {
      clearTimeout(timer);
      if (child.pid !== undefined) running.delete(child.pid);
      resolve(late ? `the run took longer than ${Math.round(limitMs / 1000)} s` : problem);
    };
    child.on('error', (error) => end(error.message));
    child.on('close', (code) => end(code === 0 || code === 1 ? null : `vitest crashed. ${firstLine(errors)}`));
  });
}

/** Ends the runs that this process started and that still go on. */
export function endRuns(): void {
  for (const pid of running) endGroup(pid);
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function firstLine(text: string | undefined): string {
  return (text ?? '').trim().split('\n')[0]?.slice(0, 160) ?? '';
}
