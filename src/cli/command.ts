/** The parts of a command of the command line, and the reading of its arguments. */
import { parseArgs } from 'node:util';
import type { ConfigFile } from '../config/file.js';
import type { Environment } from '../config/read.js';
import type { CreditManagement } from '../services/manager/contract.js';

/** The surroundings of a command: those of a process, or of a test. */
export interface CliIo {
  readonly env: Environment;
  /** Reads the configuration file of the folder; null without one. */
  readonly configFile?: () => Promise<ConfigFile | null>;
  /** Calls back whenever that file is written; the function that it returns ends that. */
  readonly watchConfig?: (changed: () => void) => () => void;
  out(text: string): void;
  err(text: string): void;
  /** Whether `err` is a terminal. If so, long work shows its progress. */
  readonly isTerminal: boolean;
  /** Asks a person whether to do what the sentence says; null where nobody sits at a terminal. */
  readonly ask: ((sentence: string) => Promise<boolean>) | null;
  /** SIGINT and SIGTERM abort it; long work then stops between two batches. */
  readonly signal: AbortSignal;
  /** A second signal aborts it; `serve` then ends at once. */
  readonly forced?: AbortSignal;
}

/**
 * The exit codes. `usage`: the command or its settings are wrong. `problems`: the command ran, and found problems,
 * skipped rows, or stopped before the end.
 */
export const EXIT = { done: 0, failed: 1, usage: 2, problems: 3 } as const;

export interface Flag {
  /** How the help shows the value, as `<rows>`, or the values to choose from, as `a|b`. Without it: a switch. */
  readonly value?: string;
  readonly help: string;
  /** Whether the command does not run without it. */
  readonly needed?: true;
  /** The option of the verb, where it is not the name of the flag in camel case. */
  readonly as?: string;
  /** How the text of an option is read; default as it is, which suits texts, amounts and instants. */
  readonly is?: 'whole' | 'list' | 'json' | 'yes-no';
  /** The word that stands for null. */
  readonly none?: string;
}

/** The flags of a command, by name. */
export type Flags = Readonly<Record<string, Flag>>;

/** Values of variables, and who gave them: flags, the environment, or the configuration file. */
export interface Source {
  readonly from: string;
  readonly values: Environment;
}

export interface CliCall {
  readonly io: CliIo;
  /** The first one that has a variable counts. */
  readonly sources: readonly Source[];
  /** The same, read again. */
  readSources(): Promise<readonly Source[]>;
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, string | true | undefined>>;
  /** Opens the manager that flags and environment describe, at the database's scale. It is closed with the command. */
  open(): Promise<CreditManagement<unknown>>;
  /** The same before its first call: nothing was read, and nothing made. */
  unopened(): CreditManagement<unknown>;
  /** Prints a value: as JSON with `--json`, else as lines for people. */
  print(value: object, lines: () => readonly string[]): void;
}

export interface CliCommand {
  /** The name, which may have two words, as `ledger verify` has. */
  readonly name: string;
  /** The names of its arguments, in order. */
  readonly args: readonly string[];
  readonly help: string;
  readonly flags: Flags;
  run(call: CliCall): Promise<number>;
}

/** All values; an empty one counts as none. */
export function merged(sources: readonly Source[]): Environment {
  const lists = [...sources].reverse().map(({ values }) => Object.entries(values).filter(([, value]) => value));
  return Object.fromEntries(lists.flat());
}

/** The caller typed a wrong command; the message says what is expected. */
export class UsageError extends Error {}

export const COMMON_FLAGS: Flags = {
  'database-url': { value: 'url', help: 'PostgreSQL, instead of CREDIT_DATABASE_URL' },
  'mongo-uri': { value: 'uri', help: 'MongoDB, instead of CREDIT_MONGO_URI' },
  'mongo-db': { value: 'name', help: 'its database, instead of CREDIT_MONGO_DB' },
  memory: { help: 'no database: try a command on credits that are gone when it ends' },
  'ledger-file': { value: 'path', help: 'the ledger file, instead of CREDIT_LEDGER_FILE' },
  'credit-types': { value: 'names', help: 'further credit types, separated by commas' },
  json: { help: 'print JSON for machines' },
};

/** Splits the typed words into the arguments and flags of a command. */
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

/** The text of a flag, or undefined when it is absent. */
export function textOf({ flags }: CliCall, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** The whole number of a flag, or undefined when it is absent. */
export function countOf(call: CliCall, name: string): number | undefined {
  const text = textOf(call, name);
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} must be a whole number.`);
}

/** The text of a flag that the command needs. */
export function neededText(call: CliCall, name: string): string {
  const text = textOf(call, name);
  if (text) return text;
  throw new UsageError(`--${name} is needed.`);
}

const BAR_WIDTH = 20;

/**
 * Shows the progress of long work in one line that it keeps overwriting; only on a terminal. How much is to come is not
 * known before the end, so the bar moves on with every step rather than filling up.
 */
export function progressOn({ isTerminal, err }: CliIo): { tell(text: string): void; end(): void } {
  let steps = 0;
  return {
    tell(text) {
      if (!isTerminal) return;
      const at = steps % BAR_WIDTH;
      steps++;
      err(`\r\u001b[2K[${' '.repeat(at)}=${' '.repeat(BAR_WIDTH - 1 - at)}] ${text}`);
    },
    end() {
      if (steps > 0) err('\r\u001b[2K');
    },
  };
}
