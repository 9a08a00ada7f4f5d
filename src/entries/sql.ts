/**
 * credit-management/sql: credits in PostgreSQL, and inside your own transactions.
 * @module
 */

export type { SqlResult } from '../db/sql/connection.js';
export type { DriverOptions } from '../db/sql/drivers/choice.js';
export type { KyselyConnectionLike, KyselyLike } from '../db/sql/drivers/kysely.js';
export {
  type DrizzleSqlLike,
  type DrizzleTransactionLike,
  fromDrizzle,
  fromKnex,
  fromPrisma,
  fromSequelize,
  fromTypeOrm,
  type KnexTransactionLike,
  type PrismaTransactionLike,
  type SequelizeLike,
  type SequelizeTransactionLike,
  type TypeOrmManagerLike,
  type TypeOrmQueryRunnerLike,
} from '../db/sql/drivers/library-sessions.js';
export type { PgPoolLike } from '../db/sql/drivers/pg.js';
export type { PgClientLike } from '../db/sql/drivers/pg-connection.js';
export type { PgliteLike, PgliteTransactionLike } from '../db/sql/drivers/pglite.js';
export type { KyselySession, SqlClientSession, SqlSession } from '../db/sql/host-session.js';
export { SqlDbManager } from '../db/sql/manager.js';
export type { SqlOptions } from '../db/sql/options.js';
