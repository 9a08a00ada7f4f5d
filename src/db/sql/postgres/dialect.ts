/** PostgreSQL 13 and newer, and PGlite. */
import type { Dialect } from '../dialect.js';
import {
  asksForRedo,
  endsTransaction,
  failureOf,
  indexOf,
  isCommitted,
  isOutsideTransaction,
  isSetupError,
  tell,
} from './errors.js';
import { buildIndex } from './index-build.js';
import { lacking, migrate } from './migrate.js';
import { countRows, NOW, readByKeys, readPage } from './read.js';
import { loneStatement, refusalsOf, writeStatement } from './write.js';
import { MARK } from './write-text.js';

/**
 * - `jit`: compiling a statement that runs for milliseconds takes longer than running it.
 * - `enable_seqscan`: the server keeps query plans, and one made while a table is empty must not read it whole for ever
 *       after.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  jit: 'off',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  plan_cache_mode: 'force_generic_plan',
};

/** A statement ends when its client has gone, where the server can tell (version 14). */
const CHECK = 'client_connection_check_interval';

const OPENING = 'begin isolation level read committed';

const REDO = `do $$ begin
  raise exception 'could not serialize access: the row was made after the snapshot of this transaction'
  using errcode = 'serialization_failure';
end $$`;

/** Another server was started at another time, and on one server names tell databases apart. */
const PLACE = `(extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint::text || ' ' || current_database()`;

export const postgres: Dialect = {
  name: 'postgres',
  now: NOW,
  place: `select ${PLACE} as place`,
  redo: REDO,
  settings({ statementMs, lockMs }, scope) {
    const isLocal = scope === 'transaction';
    const settings = { ...SETTINGS, statement_timeout: String(statementMs), lock_timeout: String(lockMs) };
    // `set local` would answer with a warning outside of `begin`, and a select of the values with a row.
    const set = Object.entries(settings).map(
      ([name, value]) => `set_config('${name}', '${value}', ${isLocal}) is null`,
    );
    return `select where ${set.join(' or ')}
      or current_setting('${CHECK}', true) is not null and set_config('${CHECK}', '1000', ${isLocal}) is null`;
  },
  look: `select replace(current_setting('default_transaction_isolation'), 'read committed', '') as isolation,
    pg_backend_pid()::text as pid`,
  opening: OPENING,
  begin: (statementMs) => `${OPENING}; set local statement_timeout = ${statementMs}`,
  waitForLocks: (lockMs) => `set local lock_timeout = ${lockMs}`,
  setTimeouts: ([statement, lock], mark) => ({
    text: `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
      set_config('statement_timeout', $1::text, true), set_config('lock_timeout', $2::text, true),
      set_config('${MARK}', $3::text, true), ${PLACE} as place`,
    values: [statement, lock, mark],
  }),
  migrate,
  lacking,
  buildIndex,
  write: (units, how) => writeStatement(units, how),
  writeBlind: loneStatement,
  isWritten: (row) => (row as { refused: string | null }).refused === null,
  refusals: refusalsOf,
  readByKeys,
  readPage,
  count: countRows,
  failureOf,
  isSetupError,
  tell,
  isCommitted,
  isOutsideTransaction,
  endsTransaction,
  asksForRedo,
  indexOf,
};
