/**
 * Makes tables and indexes, and adds the columns and indexes of newer models, and the values that their constraints
 * have to allow. Never drops anything else.
 */
import { unusable } from '../../kit/failures.js';
import type { SqlConnection } from '../connection.js';
import type { Migrated, MigrateOptions, NewIndex } from '../dialect.js';
import { type Column, Table } from '../table.js';
import { allowing, definition, NAMING, quoted, TYPES } from './columns.js';
import { indexDefinition } from './index-definition.js';

/** The comment on each of our tables: it tells them from tables that happen to have the same name. */
const MARK = 'credit-management';
const SERVER_VERSION_MIN = 130_000;

/** The catalog's description of one table; `mark` is null where the table has no comment. */
interface Found {
  readonly table: string;
  readonly kind: string;
  readonly mark: string | null;
  readonly columns: Readonly<Record<string, string>>;
  readonly indexes: readonly string[];
  /** The texts of its constraints, by name. */
  readonly checks: Readonly<Record<string, string>>;
}

/**
 * Makes the tables of these models where they are missing. Several processes may do this at once: an advisory lock lets
 * one go first, and where nothing is missing there is no lock and nothing is written.
 */
export async function migrate(connection: SqlConnection, options: MigrateOptions): Promise<Migrated> {
  const { schema, tables } = await placed(connection, options);
  const first = await missing(connection, schema, tables, options.isAlone);
  if (first.statements.length === 0) return { tables, newIndexes: first.newIndexes };
  let newIndexes: readonly NewIndex[] = [];
  await connection.query('begin isolation level read committed');
  try {
    // Waiting for the process that goes first may take long.
    await connection.query('set local statement_timeout = 0');
    await connection.query('set local lock_timeout = 0');
    await connection.query('select pg_advisory_xact_lock(hashtextextended($1::text, 0))', [
      `${MARK} ${schema} ${options.prefix}`,
    ]);
    const now = await missing(connection, schema, tables, options.isAlone);
    for (const statement of now.statements) await connection.query(statement);
    await connection.query('commit');
    newIndexes = now.newIndexes;
  } catch (error) {
    await connection.query('rollback');
    throw error;
  }
  return { tables, newIndexes };
}

/** The names of what {@link migrate} would make. */
export async function lacking(connection: SqlConnection, options: MigrateOptions): Promise<readonly string[]> {
  const { schema, tables } = await placed(connection, options);
  return (await missing(connection, schema, tables, options.isAlone)).names;
}

async function placed(connection: SqlConnection, options: MigrateOptions) {
  const schema = await schemaOf(connection, options);
  const family = {};
  const tables = options.models.map((model) => new Table(model, options.prefix, schema, NAMING, family));
  return { schema, tables };
}

/**
 * The schema of the tables. Where none is wanted, it is the one of the `search_path` that has them already: a schema
 * that appears before it later must not begin a second, empty ledger.
 */
async function schemaOf(connection: SqlConnection, { schema: wanted, models, prefix }: MigrateOptions) {
  const names = models.map((model) => new Table(model, prefix, '', NAMING).bareName);
  const { rows } = await connection.query(SCHEMAS, [JSON.stringify(names)]);
  const { first, used, version } = rows[0] as { first: string | null; used: string; version: string };
  const holders = JSON.parse(used) as string[];
  const schema = wanted ?? holders[0] ?? first;
  const problems: string[] = [];
  if (schema === null) problems.push('the search_path of the connection names no schema that exists');
  if (wanted === null && holders.length > 1)
    problems.push(
      `several schemas of the search_path have tables of credits (${holders.join(', ')}): give the option schema`,
    );
  if (Number(version) < SERVER_VERSION_MIN) problems.push(`the server is older than PostgreSQL 13 (${version})`);
  if (schema === null || problems.length > 0) throw unusable(problems);
  return schema;
}

/** `used`: the schemas of the path that have tables of ours with these names, in the order of the path. */
const SCHEMAS = `select current_schema() as first, current_setting('server_version_num') as version,
  (select coalesce(json_agg(p.name order by p.place), '[]')::text
    from unnest(current_schemas(false)) with ordinality as p(name, place)
    where exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = p.name and c.relkind in ('r', 'p') and obj_description(c.oid, 'pg_class') like '${MARK}%'
        and c.relname = any(array(select json_array_elements_text($1::text::json))))) as used`;

interface Missing {
  /** For people. */
  readonly names: readonly string[];
  /** For one transaction. */
  readonly statements: readonly string[];
  /** To be built afterwards, beside writers. */
  readonly newIndexes: readonly NewIndex[];
}

/** The statements that bring the catalog up to the models. A table that is not ours is refused. */
async function missing(
  connection: SqlConnection,
  schema: string,
  tables: readonly Table[],
  isAlone: boolean,
): Promise<Missing> {
  const { rows } = await connection.query(CATALOG, [schema, JSON.stringify(tables.map(({ bareName }) => bareName))]);
  const found = new Map(
    rows.map((row) => JSON.parse((row as { r: string }).r) as Found).map((each) => [each.table, each]),
  );
  const problems: string[] = [];
  const names: string[] = [];
  const statements: string[] = [];
  const newIndexes: NewIndex[] = [];
  for (const table of tables) {
    const existing = found.get(table.bareName);
    if (!existing) {
      names.push(`table ${table.bareName}`);
      statements.push(...created(table));
      continue;
    }
    const isEmpty = async () => {
      const any = await connection.query(`select exists (select from ${table.name})::text as any`);
      return (any.rows[0] as { any: string }).any === 'false';
    };
    const isOurs = existing.mark?.startsWith(MARK) === true;
    if (existing.kind !== 'r' && existing.kind !== 'p') problems.push(`${table.bareName} is not a table`);
    else if (!isOurs && !(await isEmpty())) problems.push(`the table ${table.bareName} has rows and is not ours`);
    else {
      const added = table.columns.filter((column) => !(nameOf(column) in existing.columns));
      const needed = added.filter(({ nullable }) => !nullable);
      if (needed.length > 0 && !(await isEmpty())) {
        problems.push(`${table.bareName} has rows without ${needed.map(nameOf).join(', ')}, which may not be null`);
      }
      for (const column of table.columns) {
        const type = existing.columns[nameOf(column)];
        if (type === undefined || type === FULL_TYPES[TYPES[column.kind]]) continue;
        problems.push(`${table.bareName}.${nameOf(column)} is of type ${type}, not ${TYPES[column.kind]}`);
      }
      statements.push(...added.map((column) => `alter table ${table.name} add column ${definition(column)}`));
      names.push(...added.map((column) => `column ${table.bareName}.${nameOf(column)}`));
      for (const column of table.columns) {
        const values = newValues(column, existing.checks);
        if (values === null) continue;
        const check = column.allowed?.check ?? '';
        names.push(`values of ${check}`);
        // The rows that are there fit the narrower constraint: nothing has to be read.
        const wider = `add ${allowing(column, values)} not valid`;
        statements.push(`alter table ${table.name} drop constraint ${quoted(check)}, ${wider}`);
      }
      const indexes = table.indexes.filter(({ name }) => !existing.indexes.includes(name));
      names.push(...indexes.map(({ name }) => `index ${name}`));
      if (indexes.length > 0 && !isAlone && !(await isEmpty()))
        newIndexes.push(...indexes.map((index) => ({ table, index })));
      else statements.push(...indexes.map((index) => indexDefinition(table, index)));
      if (!isOurs) statements.push(marked(table));
    }
  }
  if (problems.length > 0) throw unusable(problems);
  return { names, statements, newIndexes };
}

/**
 * The values that the constraint of a column has to allow where it does not know all of ours: with those of versions
 * that know others. Null where it allows them, and where there is none: a table that an earlier version made is written
 * without.
 */
function newValues({ allowed }: Column, checks: Found['checks']): readonly string[] | null {
  const text = allowed ? checks[allowed.check] : undefined;
  if (!allowed || text === undefined) return null;
  const known = [...text.matchAll(/'((?:[^']|'')*)'::text/g)].map(([, value = '']) => value.replaceAll("''", "'"));
  return allowed.values.every((value) => known.includes(value)) ? null : [...new Set([...known, ...allowed.values])];
}

/** Types as the catalog writes them. */
const FULL_TYPES: Readonly<Record<string, string>> = {
  text: 'text',
  bigint: 'bigint',
  boolean: 'boolean',
  timestamptz: 'timestamp with time zone',
  json: 'json',
};

const CATALOG = `select json_build_object(
  'table', c.relname, 'kind', c.relkind, 'mark', obj_description(c.oid, 'pg_class'),
  'columns', coalesce((select json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '{}'),
  'indexes', coalesce((select json_agg(i.relname) from pg_index x join pg_class i on i.oid = x.indexrelid
    where x.indrelid = c.oid and x.indisvalid), '[]'),
  'checks', coalesce((select json_object_agg(k.conname, pg_get_constraintdef(k.oid)) from pg_constraint k
    where k.conrelid = c.oid and k.contype = 'c' and k.conname like '%\\_values'), '{}'))::text as r
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1::text and c.relname = any(array(select json_array_elements_text($2::text::json)))`;

/**
 * Free room for a new version of a row beside the old one: it needs no entry in any index, as long as no indexed column
 * changes.
 */
const ROOM = ' with (fillfactor = 70)';

/** The statements that make a table, its indexes and its mark. */
export function created(table: Table): string[] {
  const columns = table.columns.map((column) => definition(column)).join(', ');
  return [
    `create table ${table.name} (${columns}, primary key (${table.key.name}))${table.model.rewritten ? ROOM : ''}`,
    ...table.indexes.map((index) => indexDefinition(table, index)),
    marked(table),
  ];
}

function marked(table: Table): string {
  return `comment on table ${table.name} is '${MARK}: written by the library alone'`;
}

function nameOf({ name }: Column): string {
  return name.slice(1, -1).replaceAll('""', '"');
}
