/**
 * Transactions of other libraries as sessions. None of these libraries is imported: the types name the members that are
 * used. One transaction is one session, however often it is wrapped: the calls of a session wait for each other.
 */
import { notASession } from '../failures.js';
import type { SqlClientSession } from '../host-session.js';

type Rows = { readonly rows: readonly unknown[] };
type Query = (text: string, values: readonly unknown[]) => Promise<Rows>;

const sessions = new WeakMap<object, SqlClientSession>();

/** A transaction of Drizzle: what `db.transaction` gives. */
export interface DrizzleTransactionLike {
  /** Takes a query made by `sql` of `drizzle-orm`. */
  execute(query: never): PromiseLike<unknown>;
}

/** The tag `sql` of `drizzle-orm`. */
export interface DrizzleSqlLike {
  /** Makes text of a query. */
  raw(text: string): unknown;
  /** Makes a bound value of a query. */
  param(value: unknown): unknown;
  /** Makes one query of its parts. */
  join(parts: never): unknown;
}

/** A transaction of Knex: what `knex.transaction` gives. */
export interface KnexTransactionLike {
  /** Sends a statement with `?` for each value. */
  raw(text: string, values: never): PromiseLike<unknown>;
  /** Whether it was committed or rolled back. */
  isCompleted(): boolean;
}

/** A transaction of Prisma: what `prisma.$transaction` gives an interactive one. */
export interface PrismaTransactionLike {
  /** Sends a statement with `$1`, `$2` … for its values. */
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): PromiseLike<T>;
}

/** An entity manager of TypeORM inside a transaction: what `dataSource.transaction` gives, or `queryRunner.manager`. */
export interface TypeOrmManagerLike {
  /** Has the connection of the transaction; absent outside of one. */
  readonly queryRunner?: TypeOrmQueryRunnerLike | undefined;
}

/** The members of a query runner of TypeORM that are used. */
export interface TypeOrmQueryRunnerLike {
  /** Whether a transaction is open on it. */
  readonly isTransactionActive: boolean;
  /** Sends a statement with `$1`, `$2` … for its values. */
  query(
    text: string,
    values: unknown[] | undefined,
    useStructuredResult: true,
  ): Promise<{ readonly records: unknown[] }>;
}

/** The members of a `Sequelize` that are used. */
export interface SequelizeLike {
  /** Sends a statement with `$1`, `$2` … for its values. */
  query(text: string, options: never): Promise<unknown>;
}

/** A transaction of Sequelize: what `sequelize.transaction` gives. */
export interface SequelizeTransactionLike {
  /** Commits it. */
  commit(): Promise<void>;
  /** Takes it back. */
  rollback(): Promise<void>;
}

/**
 * Lets a call join a transaction of Drizzle on `pg`. Give it the tag `sql` of your `drizzle-orm` too. The same
 * transaction is always the same session. Errors that ask for the whole transaction to be repeated (SQLSTATE class 40)
 * are thrown as `pg` made them. Tested with Drizzle 0.45 on PostgreSQL.
 *
 * @throws INVALID_ARGUMENT for a value that is no object; at the first call, for what is no open transaction.
 * @example
 * await db.transaction(async (tx) => {
 *   await tx.insert(orders).values({ id: 'order-7' });
 *   await manager.credits.deductCredits('user-1', 5, { session: fromDrizzle(tx, sql) });
 * });
 */
export function fromDrizzle(transaction: DrizzleTransactionLike, sql: DrizzleSqlLike): SqlClientSession {
  return sessionOf(transaction, async (text, values) => {
    const parts = split(text).map((part) => (typeof part === 'string' ? sql.raw(part) : sql.param(values[part])));
    return (await transaction.execute(sql.join(parts as never) as never).then(null, throwInner)) as Rows;
  });
}

/**
 * Lets a call join a transaction of Knex on `pg`. The same transaction is always the same session. Errors that ask for
 * the whole transaction to be repeated (SQLSTATE class 40) are thrown as `pg` made them. Tested with Knex 3.3 on
 * PostgreSQL.
 *
 * @throws INVALID_ARGUMENT for a value that is no object; at the first call, for what is no open transaction.
 * @example
 * await knex.transaction(async (trx) => {
 *   await trx('orders').insert({ id: 'order-7' });
 *   await manager.credits.deductCredits('user-1', 5, { session: fromKnex(trx) });
 * });
 */
export function fromKnex(transaction: KnexTransactionLike): SqlClientSession {
  return sessionOf(transaction, async (text, values) => {
    if (transaction.isCompleted()) throw notASession();
    const parts = split(text);
    const bound = parts.flatMap((part) => (typeof part === 'string' ? [] : [values[part]]));
    // Knex takes every question mark that is not escaped for a value.
    const raw = parts.map((part) => (typeof part === 'string' ? part.replaceAll('?', '\\?') : '?')).join('');
    return (await transaction.raw(raw, bound as never)) as Rows;
  });
}

/**
 * Lets a call join an interactive transaction of Prisma with `@prisma/adapter-pg`. The same transaction is always the
 * same session. Prisma rolls a transaction back after five seconds unless you set `timeout`; a call may wait ten
 * seconds for an account, so set a longer one. An error that asks for the whole transaction to be repeated is Prisma's
 * own, with the SQLSTATE in `code`. Run by hand with Prisma 7.10; the tests of this package use values of its form.
 *
 * @throws INVALID_ARGUMENT for a value that is no object; at the first call, for what is no open transaction.
 * @example
 * await prisma.$transaction(
 *   async (tx) => {
 *     await tx.order.create({ data: { id: 'order-7' } });
 *     await manager.credits.deductCredits('user-1', 5, { session: fromPrisma(tx) });
 *   },
 *   { timeout: 15_000 },
 * );
 */
export function fromPrisma(transaction: PrismaTransactionLike): SqlClientSession {
  return sessionOf(transaction, async (text, values) => {
    try {
      return { rows: await transaction.$queryRawUnsafe<readonly unknown[]>(text, ...values) };
    } catch (error) {
      throw sqlStateOfPrisma(error as PrismaErrorLike);
    }
  });
}

/**
 * Lets a call join a transaction of TypeORM on `pg`. The same transaction is always the same session. Errors that ask
 * for the whole transaction to be repeated (SQLSTATE class 40) are thrown as `pg` made them. Tested with TypeORM 1.1 on
 * PostgreSQL.
 *
 * @throws INVALID_ARGUMENT for a manager without a query runner; at the first call, for what is no open transaction.
 * @example
 * await dataSource.transaction(async (entities) => {
 *   await entities.insert(Order, { id: 'order-7' });
 *   await manager.credits.deductCredits('user-1', 5, { session: fromTypeOrm(entities) });
 * });
 */
export function fromTypeOrm({ queryRunner }: TypeOrmManagerLike): SqlClientSession {
  return sessionOf(queryRunner as TypeOrmQueryRunnerLike, async (text, values) => {
    if (!queryRunner?.isTransactionActive) throw notASession();
    const { records } = await queryRunner.query(text, [...values], true).catch(throwInner);
    return { rows: records ?? [] };
  });
}

/**
 * Lets a call join a transaction of Sequelize 6 on `pg`. The same transaction is always the same session. Errors that
 * ask for the whole transaction to be repeated (SQLSTATE class 40) are thrown as `pg` made them. Sequelize logs every
 * statement on the console unless you set `logging`. Tested with Sequelize 6.37 on PostgreSQL.
 *
 * @throws INVALID_ARGUMENT for a value that is no object; at the first call, for what is no open transaction.
 * @example
 * await sequelize.transaction(async (transaction) => {
 *   await Order.create({ id: 'order-7' }, { transaction });
 *   await manager.credits.deductCredits('user-1', 5, { session: fromSequelize(sequelize, transaction) });
 * });
 */
export function fromSequelize(sequelize: SequelizeLike, transaction: SequelizeTransactionLike): SqlClientSession {
  return sessionOf(transaction, async (text, values) => {
    if ((transaction as { finished?: unknown }).finished) throw notASession();
    const bind = values.length > 0 ? { bind: values } : {};
    const answer = sequelize.query(text, { type: 'RAW', transaction, ...bind } as never);
    const [rows] = (await answer.catch(throwInner)) as [readonly unknown[]];
    return { rows };
  });
}

/** The session of a transaction: the one it has already, or a new one. */
function sessionOf(transaction: object, query: Query): SqlClientSession {
  if (transaction === null || (typeof transaction !== 'object' && typeof transaction !== 'function')) {
    throw notASession();
  }
  const known = sessions.get(transaction);
  if (known) return known;
  const session: SqlClientSession = { query: (text, values = []) => query(text, values) };
  sessions.set(transaction, session);
  return session;
}

/** The text between the values `$1`, `$2` …, and for each of these the place of its value. */
function split(text: string): readonly (string | number)[] {
  return text.split(/\$(\d+)/).map((part, i) => (i % 2 === 1 ? Number(part) - 1 : part));
}

/** Throws what the driver threw, which the library has wrapped: the SQLSTATE is there. */
function throwInner(error: { cause?: unknown; driverError?: unknown; parent?: unknown }): never {
  throw error.driverError ?? error.parent ?? error.cause ?? error;
}

interface PrismaErrorLike extends Error {
  readonly code?: string;
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: { readonly originalCode?: unknown } } };
}

/** Prisma's transaction has ended, or never was. */
const PRISMA_ENDED = 'P2028';

/** Prisma hides the SQLSTATE behind a code of its own, which looks like one. */
function sqlStateOfPrisma(error: PrismaErrorLike): Error {
  if (error.code === PRISMA_ENDED) return notASession(error);
  const state = error.meta?.driverAdapterError?.cause?.originalCode;
  if (typeof state === 'string') return Object.assign(error, { code: state });
  return error.code === undefined ? error : new Error('Prisma got no answer of the database.', { cause: error });
}
