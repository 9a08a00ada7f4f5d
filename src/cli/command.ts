/** What a command of the command line is made of, and how its arguments are read. */
import { parseArgs } from 'node:util';
import type { CreditManagement } from '../services/manager/contract.js';

/** Where a command reads and writes; a process, or a test. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  /** Whether `err` is a terminal: then long work shows how far it is. */
  readonly isTerminal: boolean;
  /** Aborted by SIGINT and SIGTERM: long work stops between two batches. */
  readonly signal: AbortSignal;
}

/** Exit codes. `problems`: it ran, and something wants to be looked at (verify, skipped rows, a job that stopped). */
export const EXIT = { done: 0, failed: 1, usage: 2, problems: 3 } as const;

/** A flag: with a value where its name says one (`<days>`), else a switch. */
export type Flags = Readonly<Record<string, { readonly value?: string; readonly help: string }>>;

export interface CliCall {
  readonly io: CliIo;
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, string | true | undefined>>;
  /** Opens the manager that flags and environment name; it is closed when the command ends. */
  open(): CreditManagement<unknown>;
  /** Prints a value: as JSON for machines, else as its lines for people. */
  print(value: object, lines: () => readonly string[]): void;
}

export interface CliCommand {
  /** `ledger verify` and the like are one name. */
  readonly name: string;
  /** Names of what it takes, in order. */
  readonly args: readonly string[];
  readonly help: string;
  readonly flags: Flags;
  run(call: CliCall): Promise<number>;
}

/** What the caller typed is not a command; the message says what would be. */
export class UsageError extends Error {}

export const COMMON_FLAGS: Flags = {
  'database-url': { value: 'url', help: 'PostgreSQL, instead of CREDIT_DATABASE_URL' },
  'mongo-uri': { value: 'uri', help: 'MongoDB, instead of CREDIT_MONGO_URI' },
  'mongo-db': { value: 'name', help: 'its database, instead of CREDIT_MONGO_DB' },
  'ledger-file': { value: 'path', help: 'the ledger file, instead of CREDIT_LEDGER_FILE' },
  'credit-types': { value: 'names', help: 'further credit types, separated by commas' },
  json: { help: 'print JSON for machines' },
};

/** Splits what was typed into arguments and flags of a command. */
export function readCall(command: CliCommand, typed: readonly string[]): Pick<CliCall, 'args' | 'flags'> {
  const known: Flags = { ...command.flags, ...COMMON_FLAGS };
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { value }]) => [name, { type: value ? 'string' : 'boolean' } as const]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...typed], options, allowPositionals: true });
    if (positionals.length !== command.args.length) {
      const wanted = command.args.map((name) => `<${name}>`).join(' ') || 'no arguments';
      throw new UsageError(`${command.name} takes ${wanted}.`);
    }
    return { args: positionals, flags: values as CliCall['flags'] };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}

/** The text of a flag, or undefined. */
export function textOf({ flags }: CliCall, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** A whole number, or undefined where the flag is absent. */
export function countOf(call: CliCall, name: string): number | undefined {
  const text = textOf(call, name);
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} is a whole number.`);
}

/** The text of a flag that the command cannot do without. */
export function neededText(call: CliCall, name: string): string {
  const text = textOf(call, name);
  if (text) return text;
  throw new UsageError(`--${name} is needed.`);
}

/** A line that says how far long work is, overwritten by the next; nothing where nobody watches. */
export function progressOn({ isTerminal, err }: CliIo): { tell(text: string): void; end(): void } {
  let shown = false;
  return {
    tell(text) {
      if (!isTerminal) return;
      err(`\r\u001b[2K${text}`);
      shown = true;
    },
    end() {
      if (shown) err('\r\u001b[2K');
    },
  };
}
