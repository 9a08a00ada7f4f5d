/** Checks the options of adapters. All problems are reported at once, and nothing is opened. */
import { type CreditError, creditError } from '../../errors.js';

/** The defaults of options that several adapters have. */
export const PREFIX = 'credit_';
export const TIMEOUT_MS = 10_000;
export const INIT_TIMEOUT_MS = 60_000;
export const CONNECT_TIMEOUT_MS = 10_000;

const INTEGER_MAX = 2 ** 31 - 1;

/** A problem for each option that has none of these names. */
export function unknownOptions(options: object, names: Readonly<Record<string, true>>): string[] {
  const unknown = Object.keys(options).filter((name) => !Object.hasOwn(names, name));
  return unknown.map((name) => `there is no option ${JSON.stringify(name)}`);
}

export function prefixProblems(prefix: string): string[] {
  return /^[a-z_][a-z0-9_]{0,39}$/.test(prefix) ? [] : ['prefix is not of the form [a-z_][a-z0-9_]*'];
}

/** A problem for each number that is not a positive integer which timers and servers take. */
export function numberProblems(numbers: Readonly<Record<string, number>>): string[] {
  const isGood = (value: number) => Number.isSafeInteger(value) && value >= 1 && value <= INTEGER_MAX;
  const bad = Object.entries(numbers).filter(([, value]) => !isGood(value));
  return bad.map(([name]) => `${name} is not a positive integer`);
}

export function cannotBeMade(adapter: string, problems: readonly string[]): CreditError<'CONFIGURATION'> {
  return creditError('CONFIGURATION', `${adapter} cannot be made: ${problems.join('; ')}.`, {
    problems: [...problems],
  });
}

/**
 * The failure of a call where the options name no database. Construction does not fail for it: the environment may be
 * that of a build.
 */
export function noDatabase(adapter: string, problem: string): CreditError<'CONFIGURATION'> {
  return creditError('CONFIGURATION', `${adapter} has no database: ${problem}.`, { problems: [problem] });
}

/** The failure of a call that needed an optional package. */
export function notInstalled(database: string, name: string, cause: unknown): CreditError<'CONFIGURATION'> {
  const problem = `the package ${name} is not installed: npm install ${name}`;
  return creditError('CONFIGURATION', `${database} cannot be reached: ${problem}.`, { problems: [problem] }, { cause });
}
