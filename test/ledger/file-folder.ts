/** Ledger files in temporary folders: managers that write them, and waiting for what happens by itself. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type CreditManagement,
  type CreditManagementOptions,
  createCreditManagement,
  type DbManager,
  InMemoryDbManager,
  type LedgerOptions,
  type MemorySession,
  type Row,
} from '../../src/index.js';
import { storedModels } from '../../src/models/stored-models.js';
import { amount } from '../support/amounts.js';
import { QUIET } from '../support/quiet.js';
import { until } from '../support/wait.js';

/** A database that outlives the managers on it, as a server does. */
export class LastingDb extends InMemoryDbManager {
  override async close(): Promise<void> {}
}

/** A folder that is gone when the test has finished. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'credit-file-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface Opened {
  readonly manager: CreditManagement<MemorySession>;
  readonly credits: CreditManagement<MemorySession>['credits'];
  readonly db: InMemoryDbManager;
  readonly path: string;
  /** Messages of warnings and errors, in order. */
  readonly log: string[];
  /** Messages of the system entries, oldest first. */
  acts(): Promise<string[]>;
}

type Given = Omit<CreditManagementOptions<MemorySession>, 'db' | 'ledger'> & {
  db?: InMemoryDbManager;
  path?: string;
  ledger?: Omit<LedgerOptions, 'filePath'>;
};

/** A manager with a ledger file; closed when the test has finished. */
export function openFile({ db = new LastingDb(), path, ledger, ...rest }: Given = {}): Opened {
  const filePath = path ?? join(folder(), 'ledger.jsonl');
  const log: string[] = [];
  const note = (_: object, message?: string) => void log.push(message ?? '');
  const logger = { ...QUIET, warn: note, error: note } as NonNullable<CreditManagementOptions['logger']>;
  const options = { logger, ...rest, db, ledger: { ...ledger, filePath } };
  const manager = createCreditManagement<DbManager<MemorySession>>(options as CreditManagementOptions<MemorySession>);
  onTestFinished(() => manager.close());
  const acts = async () => {
    const { items } = await manager.ledger.list({ types: ['system'], order: 'oldest', limit: 100 });
    return items.map(({ message }) => message);
  };
  return { manager, credits: manager.credits, db, path: filePath, log, acts };
}

/** Waits until the file has every line that this process committed. */
export function caughtUp({ manager }: Pick<Opened, 'manager'>): Promise<void> {
  const isUp = async () => {
    const { ledgerFile } = await manager.health();
    return ledgerFile?.state === 'up' && ledgerFile.lag === 0;
  };
  return until(isUp, 'the file has every line');
}

/** Runs something for every number, some at once: most of it is waiting for the disk. */
export async function forEach(numbers: readonly number[], run: (n: number) => Promise<void>): Promise<void> {
  const left = [...numbers];
  const lane = async () => {
    for (let n = left.shift(); n !== undefined; n = left.shift()) await run(n);
  };
  await Promise.all(Array.from({ length: 12 }, lane));
}

/** The numbers from `first` below `end`. */
export function range(first: number, end: number, step = 1): number[] {
  return Array.from({ length: Math.max(0, Math.ceil((end - first) / step)) }, (_, i) => first + i * step);
}

/** Lengths from 0 to all of a text: some of them, by CREDIT_BYTE_STEP, and always those where it begins and ends. */
export function someLengths(all: number, step = 1): number[] {
  const ends = [0, 1, all - 1, all];
  return [...new Set([...range(0, all + 1, step * amount('CREDIT_BYTE_STEP')), ...ends])];
}

/** The same rows in a database of their own. */
export async function copyOf(db: InMemoryDbManager): Promise<LastingDb> {
  const copy = new LastingDb();
  await copy.init(storedModels);
  for (const { name, indexes } of storedModels) {
    // No index with a nullable field in it: nulls have no place there.
    const index = indexes.find((one) => REACHES_ALL.has(one.name))?.name as string;
    for (let after: string | null | undefined; after !== null; ) {
      const page = await db.find(name, { index, limit: 1_000, ...(after !== undefined && { after }) });
      for (const row of page.rows) await copy.commit([[{ op: 'insert', model: name, row: row as Row }]]);
      after = page.nextCursor;
    }
  }
  return copy;
}

const REACHES_ALL = new Set(['created', 'account', 'time', 'queue', 'kind', 'id', 'user', 'received']);

type Prepared<T> = { readonly value: T } | { readonly reason: string };

/** Does what needs rights that not every machine gives; the reason when it does not work here. */
export function attempt<T>(run: () => T): Prepared<T> {
  try {
    return { value: run() };
  } catch (error) {
    return { reason: String((error as Error).message).split('\n')[0] as string };
  }
}

/** A file system of its own of `kilobytes`, unmounted when the test has finished. */
export function smallDisk(kilobytes: number): Prepared<string> {
  const path = folder();
  return attempt(() => {
    run('mount', '-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'credit-file', path);
    onTestFinished(() => run('umount', '-l', path));
    return path;
  });
}

/** Makes a file or folder that even root cannot change until it is freed. */
export function freeze(path: string): Prepared<() => void> {
  return attempt(() => {
    run('chattr', '+i', path);
    const free = () => {
      if (existsSync(path) && lstatSync(path)) run('chattr', '-i', path);
    };
    onTestFinished(free);
    return free;
  });
}

export function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
