/**
 * Builds indexes that a newer model has on tables that are in use. Writers go on meanwhile (`create index
 * concurrently`). That takes no transaction, and so no lock of ours: one build at a time has the table's own lock for
 * them, and whoever finds it taken waits. Nobody waits inside a statement: a build ends when every statement that began
 * before it has ended.
 */
import { unusable } from '../../kit/failures.js';
import type { LoneConnection, SqlConnection } from '../connection.js';
import type { Table, TableIndex } from '../table.js';
import { quoted } from './columns.js';
import { sqlState } from './errors.js';
import { indexDefinition } from './index-definition.js';

/** `break` ends it. */
type Connection = LoneConnection & { break(): void };

const LOOK_AGAIN_MS = 200;
/** How long to wait for a lock that keeps writers out meanwhile. */
const LOCK_MS = 500;

const STATE = `select x.indisvalid::text as valid from pg_index x join pg_class i on i.oid = x.indexrelid
  where x.indrelid = $1::text::regclass and i.relname = $2::text`;

/** No transaction is around a build, so its timeouts are set on the connection, and taken back. */
const NO_TIMEOUTS = `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
  set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)`;
const TIMEOUTS_BACK = `select set_config('statement_timeout', $1::text, false),
  set_config('lock_timeout', $2::text, false)`;

/** Builds an index. It needs a connection without a deadline; a build that was broken off is begun again. */
export async function buildIndex(connection: Connection, table: Table, index: TableIndex): Promise<void> {
  while ((await stateOf(connection, table, index)) !== 'valid') {
    const isBuilt = (await isNobodyBuilding(connection, table, index)) && (await build(connection, table, index));
    if (!isBuilt) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** False when somebody else was faster, or when both waited for each other. */
async function build(connection: Connection, table: Table, index: TableIndex): Promise<boolean> {
  const theirs = (await connection.queryAlone(NO_TIMEOUTS)).rows[0] as { statement: string; lock: string };
  try {
    await connection.queryAlone(indexDefinition(table, index, 'concurrently'));
    return true;
  } catch (error) {
    const code = sqlState(error);
    if (code === '42P07' || code === '40P01') return false;
    if (code !== '23505') throw error;
    await isNobodyBuilding(connection, table, index);
    throw unusable([`rows of ${table.bareName} are alike where the unique index ${index.name} forbids it`]);
  } finally {
    await connection.queryAlone(TIMEOUTS_BACK, [theirs.statement, theirs.lock]).catch(() => connection.break());
  }
}

async function stateOf(connection: SqlConnection, table: Table, { name }: TableIndex) {
  const { rows } = await connection.query(STATE, [table.name, name]);
  const [row] = rows as { valid: string }[];
  return row === undefined ? 'missing' : row.valid === 'true' ? 'valid' : 'broken';
}

/**
 * Whether no build is under way on the table: a build has this lock to its end. An index that one has left unfinished
 * is dropped.
 */
async function isNobodyBuilding(connection: SqlConnection, table: Table, index: TableIndex): Promise<boolean> {
  await connection.query('begin isolation level read committed');
  try {
    await connection.query(`set local lock_timeout = ${LOCK_MS}`);
    await connection.query(`lock table ${table.name} in share update exclusive mode nowait`);
    if ((await stateOf(connection, table, index)) === 'broken') {
      await connection.query(`drop index ${table.schema}.${quoted(index.name)}`);
    }
    await connection.query('commit');
    return true;
  } catch (error) {
    await connection.query('rollback');
    if (sqlState(error) === '55P03') return false;
    throw error;
  }
}
