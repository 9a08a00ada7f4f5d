/** Options of the MongoDB adapter: their checks and defaults. */
import {
  CONNECT_TIMEOUT_MS,
  cannotBeMade,
  INIT_TIMEOUT_MS,
  noDatabase,
  notInstalled,
  numberProblems,
  PREFIX,
  prefixProblems,
  TIMEOUT_MS,
  unknownOptions,
} from '../kit/options.js';
import type { MongoClientLike } from './driver-types.js';

/** One of `client` and `uri`. */
export interface MongoOptions {
  /** A `MongoClient` of `mongodb` 6.16 or newer, which you may go on using. `close()` leaves it open. */
  readonly client?: MongoClientLike | undefined;
  /**
   * A MongoDB URI. `mongodb` is loaded when the first call needs it, and connections are closed by `close()`. Pools and
   * timeouts that the URI sets come before the defaults here.
   */
  readonly uri?: string | undefined;
  /** Connections at most, with `uri`. Default: the number in the URI, else the driver's default. */
  readonly poolSize?: number | undefined;
  /** The database of the collections. Default `credit_management`. */
  readonly dbName?: string | undefined;
  /** The beginning of the names of collections: `[a-z_][a-z0-9_]*`, at most 40 characters. Default `credit_`. */
  readonly prefix?: string | undefined;
  /** Milliseconds after which a call without a `timeoutMs` of its own has failed. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds for `init`, which builds indexes. Default 60,000. */
  readonly initTimeoutMs?: number | undefined;
  /**
   * Milliseconds after which a connection that is being made has failed, with `uri`. Default: the number in the URI,
   * else 10,000.
   */
  readonly connectTimeoutMs?: number | undefined;
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
  ...{ client: true, uri: true, poolSize: true, dbName: true, prefix: true },
  ...{ timeoutMs: true, initTimeoutMs: true, connectTimeoutMs: true },
};

/** @throws CONFIGURATION with every problem found. Opens nothing. */
export function openOptions(given: MongoOptions): Opened {
  const options = given ?? {};
  const { client, uri, dbName = 'credit_management', prefix = PREFIX, poolSize, connectTimeoutMs } = options;
  const timeouts = {
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    initTimeoutMs: options.initTimeoutMs ?? INIT_TIMEOUT_MS,
  };
  const problems = [
    ...unknownOptions(options, NAMES),
    ...clientProblems(options),
    ...(/^[^\s/\\."$*<>:|?\0]{1,63}$/.test(dbName) ? [] : ['dbName is not the name of a database']),
    ...prefixProblems(prefix),
    ...numberProblems({
      poolSize: poolSize ?? 1,
      ...timeouts,
      connectTimeoutMs: connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    }),
  ];
  if (problems.length > 0) throw cannotBeMade('MongoDbManager', problems);
  let making: Promise<MongoClientLike> | null = null;
  const open = async () => {
    if (uri === undefined) throw noDatabase('MongoDbManager', ONE_OF);
    making ??= makeClient(uri, options, timeouts.timeoutMs).catch((error) => {
      making = null;
      throw error;
    });
    return making;
  };
  return { open: client ? async () => client : open, ownsClient: !client, dbName, prefix, ...timeouts };
}

const ONE_OF = 'give one of client and uri';

/** An option that is missing is a problem of the first call. */
function clientProblems({ client, uri }: MongoOptions): string[] {
  const problems: string[] = [];
  if (client !== undefined && uri !== undefined) problems.push(ONE_OF);
  if (client !== undefined && typeof client?.startSession !== 'function') problems.push('client is not a MongoClient');
  if (uri !== undefined && !/^mongodb(\+srv)?:\/\//.test(uri)) problems.push('the URI does not begin with mongodb://');
  return problems;
}

async function makeClient(
  uri: string,
  { poolSize, connectTimeoutMs }: MongoOptions,
  timeoutMs: number,
): Promise<MongoClientLike> {
  const { MongoClient } = await import('mongodb').catch((cause: unknown) => {
    throw notInstalled('MongoDB', 'mongodb', cause);
  });
  const isSaid = (name: string) => new RegExp(`[?&]${name}=`, 'i').test(uri);
  try {
    return new MongoClient(uri, {
      ...(poolSize !== undefined && { maxPoolSize: poolSize }),
      ...(!isSaid('appName') && { appName: 'credit-management' }),
      // The driver stops waiting when the callers do.
      ...(!isSaid('serverSelectionTimeoutMS') && { serverSelectionTimeoutMS: timeoutMs }),
      ...(!isSaid('waitQueueTimeoutMS') && { waitQueueTimeoutMS: timeoutMs }),
      ...(connectTimeoutMs !== undefined || !isSaid('connectTimeoutMS')
        ? { connectTimeoutMS: connectTimeoutMs ?? CONNECT_TIMEOUT_MS }
        : undefined),
    });
  } catch {
    // The text of the driver may hold the URI, and with it a password.
    throw cannotBeMade('MongoDbManager', ['the URI is not one that the driver understands']);
  }
}
