/** Runs the rows of README.md's "Coming from …", each in a manager of its own, and judges their claims. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Claim, ClaimType, Row } from './coming-from-tables.js';
import { runText } from './run-text.js';

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
  const expected = row.claims.map((claim) => ('value' in claim.expected ? claim.expected.value : 'undefined'));
  const text = `${setUp}
    const outcome = {};
    try {
      outcome.value = await (${row.here});
    } catch (error) {
      outcome.error = error;
    }
    outcome.expected = [${expected.map((value) => `(${value})`).join(', ')}];
    await manager.close();
    return outcome;`;
  const folder = mkdtempSync(join(tmpdir(), 'coming-from-'));
  try {
    return (await runText(text, { folder })) as Outcome;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
