/** Options of the MongoDB adapter, checked, with their defaults. */
import { creditError } from '../../errors.js';
import type { MongoClientLike } from './driver-types.js';

/** One of `client` and `uri`. */
export interface MongoOptions {
  /** A `MongoClient` of `mongodb` 6.16 or newer, which you may go on using. `close()` leaves it open. */
  readonly client?: MongoClientLike | undefined;
  /**
   * A MongoDB URI. `mongodb` is loaded when the first call needs it, and connections are closed by `close()`. What the
   * URI says of pools and timeouts comes before the defaults here.
   */
  readonly uri?: string | undefined;
  /** Connections at most, with `uri`. Default: what the URI says, else the driver's default. */
  readonly poolSize?: number | undefined;
  /** The database of the collections. Default `credit_management`. */
  readonly dbName?: string | undefined;
  /** What the names of collections begin with: `[a-z_][a-z0-9_]*`, at most 40 characters. Default `credit_`. */
  readonly prefix?: string | undefined;
  /** Milliseconds after which a call has failed that brings no `timeoutMs` of its own. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds that `init` may take, which builds indexes. Default 60,000. */
  readonly initTimeoutMs?: number | undefined;
}

export interface Opened {
  /** The client: the one given, or one that is made when this is first called. */
  readonly open: () => Promise<MongoClientLike>;
  readonly ownsClient: boolean;
  readonly dbName: string;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly initTimeoutMs: number;
}

const NAMES: Readonly<Record<keyof MongoOptions, true>> = {
  ...{ client: true, uri: true, poolSize: true, dbName: true, prefix: true, timeoutMs: true, initTimeoutMs: true },
};

/** @throws CONFIGURATION with every problem found. Opens nothing. */
export function openOptions(given: MongoOptions): Opened {
  const options = given ?? {};
  const { client, uri, dbName = 'credit_management', prefix = 'credit_', poolSize } = options;
  const timeouts = { timeoutMs: options.timeoutMs ?? 10_000, initTimeoutMs: options.initTimeoutMs ?? 60_000 };
  const problems: string[] = [];
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(NAMES, name)) problems.push(`there is no option ${JSON.stringify(name)}`);
  }
  if ((client === undefined) === (uri === undefined)) problems.push('give one of client and uri');
  if (client !== undefined && typeof client?.startSession !== 'function') problems.push('client is not a MongoClient');
  if (uri !== undefined && !/^mongodb(\+srv)?:\/\//.test(uri)) problems.push('the URI does not begin with mongodb://');
  if (!/^[^\s/\\."$*<>:|?\0]{1,63}$/.test(dbName)) problems.push('dbName is not the name of a database');
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(prefix)) problems.push('prefix is not of the form [a-z_][a-z0-9_]*');
  for (const [name, value] of Object.entries({ poolSize: poolSize ?? 1, ...timeouts })) {
    if (!Number.isSafeInteger(value) || value < 1 || value > 2 ** 31 - 1)
      problems.push(`${name} is not a positive integer`);
  }
  if (problems.length > 0) throw refused(problems);
  let making: Promise<MongoClientLike> | null = null;
  const open = async () => {
    making ??= makeClient(uri as string, poolSize, timeouts.timeoutMs).catch((error) => {
      making = null;
      throw error;
    });
    return making;
  };
  return { open: client ? async () => client : open, ownsClient: !client, dbName, prefix, ...timeouts };
}

async function makeClient(uri: string, poolSize: number | undefined, timeoutMs: number): Promise<MongoClientLike> {
  const { MongoClient } = await import('mongodb').catch((cause: unknown) => {
    const problem = 'the package mongodb is not installed: npm install mongodb';
    throw creditError('CONFIGURATION', `MongoDB cannot be reached: ${problem}.`, { problems: [problem] }, { cause });
  });
  const isSaid = (name: string) => new RegExp(`[?&]${name}=`, 'i').test(uri);
  try {
    return new MongoClient(uri, {
      ...(poolSize !== undefined && { maxPoolSize: poolSize }),
      ...(!isSaid('appName') && { appName: 'credit-management' }),
      // What nobody waits for any more is not waited for either.
      ...(!isSaid('serverSelectionTimeoutMS') && { serverSelectionTimeoutMS: timeoutMs }),
      ...(!isSaid('waitQueueTimeoutMS') && { waitQueueTimeoutMS: timeoutMs }),
    });
  } catch {
    // The driver's text may hold the URI, and that a password.
    throw refused(['the URI is not one that the driver understands']);
  }
}

function refused(problems: string[]) {
  return creditError('CONFIGURATION', `MongoDbManager cannot be made: ${problems.join('; ')}.`, { problems });
}
