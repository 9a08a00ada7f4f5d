/** Runs the rows of README.md's "Coming from …", each in a manager of its own, and judges their claims. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as main from 'credit-management';
import * as testing from 'credit-management/testing';
import type { Claim, ClaimType, Row } from './coming-from-tables.js';

/** What a set-up may import. */
const MODULES: Readonly<Record<string, object>> = {
  'credit-management': main,
  'credit-management/testing': testing,
  'node:fs': fs,
  'node:path': path,
};
const AsyncFunction = (async () => {}).constructor as new (
  ...parametersAndBody: string[]
) => (...values: unknown[]) => Promise<unknown>;

/** What the expression of a row came to, and what its claims expect, by their place. */
interface Outcome {
  readonly value?: unknown;
  readonly error?: unknown;
  readonly expected: readonly unknown[];
}

/**
 * What is wrong with a row: nothing if its expression runs after the set-up and every claim holds.
 *
 * @param setUp statements; it has an empty `folder` and must make a `manager`
 */
export async function problemsOf(setUp: string, row: Row): Promise<string[]> {
  const outcome = await outcomeOf(setUp, row);
  const refusal = row.claims.some((claim) => claim.ofError);
  if (!refusal && 'error' in outcome) throw outcome.error;
  if (refusal && !('error' in outcome)) return ['it should have thrown'];
  const subject = refusal ? outcome.error : outcome.value;
  return row.claims.flatMap((claim, i) => judge(claim, subject, outcome.expected[i]));
}

async function outcomeOf(setUp: string, row: Row): Promise<Outcome> {
  const { names, values, statements } = withImports(setUp);
  const expected = row.claims.map((claim) => ('value' in claim.expected ? claim.expected.value : 'undefined'));
  const body = `${statements}
    const outcome = {};
    try {
      outcome.value = await (${row.here});
    } catch (error) {
      outcome.error = error;
    }
    outcome.expected = [${expected.map((value) => `(${value})`).join(', ')}];
    await manager.close();
    return outcome;`;
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'coming-from-'));
  try {
    return (await new AsyncFunction('folder', ...names, body)(folder, ...values)) as Outcome;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Function bodies have no imports: what they name becomes parameters. */
function withImports(setUp: string): { names: string[]; values: unknown[]; statements: string } {
  const names: string[] = [];
  const values: unknown[] = [];
  const statements = setUp.replace(/^import \{ ([^}]+) \} from '([^']+)';$/gm, (_, list: string, from: string) => {
    for (const name of list.split(', ')) {
      const value = (MODULES[from] as Readonly<Record<string, unknown>> | undefined)?.[name];
      if (value === undefined) throw new Error(`${from} does not export ${name}`);
      names.push(name);
      values.push(value);
    }
    return '';
  });
  return { names, values, statements };
}

function judge({ text, path: steps, expected }: Claim, subject: unknown, value: unknown): string[] {
  let actual = subject;
  for (const step of steps) {
    if (actual === null || actual === undefined || !(step in Object(actual))) return [`${text}: there is no ${step}`];
    actual = (actual as Readonly<Record<string, unknown>>)[step];
  }
  const holds = 'type' in expected ? typeOf(actual) === expected.type : isDeepStrictEqual(actual, value);
  return holds ? [] : [`${text}: it is ${JSON.stringify(actual) ?? String(actual)}`];
}

function typeOf(value: unknown): ClaimType | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return 'array';
  if (value instanceof Date) return 'Date';
  const type = typeof value;
  return type === 'bigint' || type === 'symbol' || type === 'undefined' ? null : type;
}
