/** Flags that become options of a verb: how they are declared, read, and confirmed. */
import { creditError } from '../errors.js';
import type { MutationOptions } from '../models/inputs/credits.js';
import type { CreditService } from '../services/credits/contract.js';
import { type CliCall, countOf, type Flag, type Flags, neededText, textOf, UsageError } from './command.js';

export const TYPE: Flags = { 'credit-type': { value: 'name', help: 'default credits' } };

/** A change says who makes it and why, which its entry keeps. */
export const BY: Flags = {
  actor: { value: 'id', help: 'who does it', needed: true },
  reason: { value: 'text', help: 'why', needed: true },
  key: {
    ...{ value: 'key', as: 'idempotencyKey' },
    help: 'idempotency key: a repeated command with the same key has no second effect',
  },
  'dry-run': { help: 'write nothing, and print what would be written' },
};

/** Further notes that the entry of a change keeps. */
export const NOTES: Flags = {
  description: { value: 'text', help: 'a text for people' },
  metadata: { value: 'json', help: 'an object of your own', is: 'json' },
};

export const PAGE: Flags = {
  limit: { value: 'rows', help: '1-100, default 20', is: 'whole' },
  cursor: { value: 'cursor', help: 'nextCursor of the previous page' },
};

export const ORDER: Flags = { order: { value: 'newest|oldest', help: 'which come first; default newest' } };

export const YES: Flags = { yes: { help: 'do it without asking' } };

/**
 * Goes on with a change that was typed with `--yes`, or that a person at the terminal agrees to.
 *
 * @throws UsageError with the sentence that says what it would do, where there is nobody to ask; ABORTED for a no.
 */
export async function confirm({ flags, io }: CliCall, would: string): Promise<void> {
  if (flags.yes || flags['dry-run']) return;
  if (io.ask === null) throw new UsageError(`${would} Add --yes to do it.`);
  if (!(await io.ask(would))) throw creditError('ABORTED', 'Nothing was changed.', {});
}

/** The options of a verb that flags give; those that were not typed are absent. */
export function optionsOf<T>(call: CliCall, flags: Flags): T {
  const given = Object.entries(flags).flatMap(([name, flag]) => {
    if (flag.needed) neededText(call, name);
    const value = call.flags[name] === true ? true : readFlag(call, name, flag);
    const option = flag.as ?? name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return value === undefined ? [] : [[option, value] as const];
  });
  // The verb judges the values itself, as it does for any caller.
  return Object.fromEntries(given) as T;
}

function readFlag(call: CliCall, name: string, { is, none }: Flag): unknown {
  const text = textOf(call, name);
  if (text === undefined) return undefined;
  if (text === none) return null;
  if (is === 'whole') return countOf(call, name);
  if (is === 'list') return text.split(',').filter((part) => part !== '');
  if (is === 'yes-no') {
    if (text !== 'yes' && text !== 'no') throw new UsageError(`--${name} must be yes or no.`);
    return text === 'yes';
  }
  if (is !== 'json') return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`--${name} must be JSON.`);
  }
}

/** The credits that `--credit-type` names. */
export async function serviceOf(call: CliCall): Promise<CreditService<unknown>> {
  return (await call.open()).creditType((textOf(call, 'credit-type') ?? 'credits') as 'credits');
}

/** @throws NOT_FOUND where there is nothing to show or to change. */
export function found<T>(value: T | null, what: string): T {
  if (value === null) throw creditError('NOT_FOUND', `There is no ${what}.`, {});
  return value;
}

/** The same flags, of which the named ones are needed. */
export function needing(flags: Flags, names: readonly string[]): Flags {
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      names.includes(name) ? { ...flag, needed: true as const } : flag,
    ]),
  );
}

/** The options of a call apart from the fields of what it defines. */
export function byOf<T extends MutationOptions<unknown>>({ actor, reason, idempotencyKey, ...fields }: T) {
  return [{ actor, reason, idempotencyKey }, fields] as const;
}
