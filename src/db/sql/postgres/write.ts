/**
 * The money statement: many units in one round trip, each written as a whole or not at all.
 *
 * A chain of common table expressions, each decided by the ones before it, so that it is right at READ COMMITTED:
 * - `dup`: units of which an inserted key or a unique value exists. A unit whose document is then locked at the
 *   expected version has seen every unique value that this document guards: they change with its version.
 * - `lk`, one a model: the replaced and deleted rows that are at the expected version and not locked by somebody else.
 * - `ok`: for each unit, whether all its rows were locked and none of its values taken.
 * - the writes, of the units that are `ok`.
 *
 * A plan is kept, and one that was made while a table was small must not read the whole table for ever after. So rows
 * are found one after another, by key: `x.id = any(array[o.id])` says `x.id = o.id` in a form that only an index of `x`
 * can answer (where the statement needs more of `x` than that index holds), and `dup` looks in a subselect that is not
 * flattened. And `ok` is an array that the writes look into by place, so that no two lists of hundreds are joined.
 */
import type { Row, StoredValue } from '../../../ports/db-manager.js';
import type { Refusals, Statement, TableChange } from '../dialect.js';
import type { Column, Table } from '../table.js';
import { scalar, stored, storedText, unnested, unnestedText } from './columns.js';

type Operation = TableChange['op'];

/** The changes of one kind to one table. */
interface Group {
  readonly table: Table;
  readonly op: Operation;
  /** Numbers of the units, from 1. */
  readonly units: number[];
  readonly keys: string[];
  readonly versions: number[];
  readonly rows: Row[];
  /** One change of a lone unit, whose values need not travel as lists: that halves the server's work for it. */
  isOne: boolean;
}

/** Texts by the kinds of changes they serve. */
const texts = new WeakMap<Table, Map<string, string>>();

export function writeStatement(units: readonly (readonly TableChange[])[]): Statement {
  const groups = new Map<string, Group>();
  const needed: number[] = [];
  for (const [i, unit] of units.entries()) {
    let locked = 0;
    for (const change of unit) {
      const name = `${change.op} ${change.table.name}`;
      let group = groups.get(name);
      if (!group) {
        group = { table: change.table, op: change.op, units: [], keys: [], versions: [], rows: [], isOne: false };
        groups.set(name, group);
      }
      group.units.push(i + 1);
      group.keys.push(change.op === 'delete' ? change.key : change.table.keyOf(change.row));
      if (change.op !== 'delete') group.rows.push(change.row);
      if (change.op === 'insert') continue;
      group.versions.push(change.expectedVersion);
      locked++;
    }
    needed.push(locked);
  }
  // The same kinds of changes make the same text, in whatever order they come.
  const ordered = [...groups.keys()].sort().map((name) => groups.get(name) as Group);
  for (const group of ordered) group.isOne = units.length === 1 && group.units.length === 1;
  const shape = ordered.map(({ op, table, isOne }) => `${op} ${table.name} ${isOne}`).join('\n');
  const cache = textsOf(ordered[0]?.table);
  let text = cache.get(shape);
  if (text === undefined) {
    text = textOf(ordered);
    cache.set(shape, text);
  }
  return { text, values: [`{${needed.join()}}`, ...ordered.flatMap(valuesOf)] };
}

function textsOf(table: Table | undefined): Map<string, string> {
  if (!table) return new Map();
  const cache = texts.get(table) ?? new Map<string, string>();
  texts.set(table, cache);
  return cache;
}

/** In the order of {@link Places}. */
function valuesOf({ table, op, units, keys, versions, rows, isOne }: Group): (string | null)[] {
  if (isOne) {
    const values: (string | null)[] = ['1', storedText(table.key, keys[0] as string)];
    if (op !== 'insert') values.push(String(versions[0]));
    if (op === 'delete') return values;
    const [row] = rows as [Row];
    for (const column of written(table)) values.push(storedText(column, row[column.field] ?? null));
    return values;
  }
  const values = [`{${units.join()}}`, unnestedText(table.key, keys)];
  if (op !== 'insert') values.push(`{${versions.join()}}`);
  if (op === 'delete') return values;
  for (const column of written(table)) {
    const { field } = column;
    values.push(
      unnestedText(
        column,
        rows.map((row): StoredValue => row[field] ?? null),
      ),
    );
  }
  return values;
}

/** Every column but the key, which travels apart. */
function written(table: Table): Column[] {
  return table.columns.filter((column) => column !== table.key);
}

/** Where the values of a group are among the parameters. */
interface Places extends Pick<Group, 'table' | 'op' | 'isOne'> {
  readonly unit: string;
  readonly key: string;
  readonly expected: string;
  readonly columns: ReadonlyMap<Column, string>;
}

function placesOf({ table, op, isOne }: Group, next: () => string): Places {
  const [unit, key] = [next(), next()];
  const expected = op === 'insert' ? '' : next();
  const columns = op === 'delete' ? [] : written(table);
  return { table, op, isOne, unit, key, expected, columns: new Map(columns.map((column) => [column, next()])) };
}

function textOf(groups: readonly Group[]): string {
  let last = 1;
  const next = () => `$${++last}`;
  const places = groups.map((group) => placesOf(group, next));
  const dups = places.flatMap((each, model) => dupsOf(each, model));
  const locking = places.flatMap((each, i) => (each.op === 'insert' ? [] : [{ each, name: `lk${i}`, model: i }]));
  const none = "select 0, 0, 0, '' where false";
  const parts = [
    `dup(u, m, i, k) as materialized (${dups.join(' union all ') || none})`,
    ...locking.map(({ each, name }) => `${name} as materialized (${lockOf(each)})`),
    `ok as materialized (${okOf(locking.map(({ name }) => name))})`,
    // Side statements run last to first: a delete makes room for an update, and that for an insert.
    ...[...places].sort((a, b) => ORDER[a.op] - ORDER[b.op]).map((each, i) => `w${i} as (${writeOf(each)})`),
  ];
  const stale = locking.map(({ each, model }) => staleOf(each, model));
  const found = ['select u, m, i, k from dup', ...stale].join(' union all ');
  return `with ${parts.join(',\n')}
select case when array_position((select v from ok), false) is null then null else (
  select json_build_array(
    (select json_agg(n.u - 1) from unnest((select v from ok)) with ordinality as n(good, u) where not n.good),
    (select json_agg(json_build_array(p.u - 1, p.m, p.i, p.k)) from (${found}) as p))::text) end as refused`;
}

const ORDER: Readonly<Record<Operation, number>> = { insert: 0, replace: 1, delete: 2 };
const OK = '(select v from ok)[o.u]';

/** The changes of a group as rows `o`, with these columns. */
function source(places: Places, columns: readonly (readonly [Column, string])[] = []): string {
  const { unit, key, expected, table, isOne } = places;
  const sent = isOne ? scalar : unnested;
  const parts = [isOne ? `${unit}::text::int` : `unnest(${unit}::text::int[])`, sent(table.key, key)];
  const names = ['u', 'id'];
  if (expected !== '') {
    parts.push(sent(table.version, expected));
    names.push('v0');
  }
  for (const [i, [column, place]] of columns.entries()) {
    parts.push(sent(column, place));
    names.push(`c${i}`);
  }
  const list = isOne ? `(values (${parts.join(', ')}))` : `rows from (${parts.join(', ')})`;
  return `${list} as o(${names.join(', ')})`;
}

function matches({ table }: Places): string {
  return `x.${table.key.name} = any(array[o.id])`;
}

/** Rows that hold an inserted key (`i` -1), or a unique value (`i` its index among those of the model). */
function dupsOf(places: Places, model: number): string[] {
  const { table, op, columns } = places;
  if (op === 'delete') return [];
  const key = table.key.name;
  const dups = op === 'insert' ? [probe(places, model, -1, [], `x.${key} = o.id`)] : [];
  for (const [i, index] of table.indexes.entries()) {
    if (!index.unique) continue;
    const values = index.columns.filter((column) => column !== table.key);
    const given = values.map((column) => [column, columns.get(column) as string] as const);
    const on = index.columns.map((column) => {
      const value = column === table.key ? 'id' : `c${values.indexOf(column)}`;
      return `x.${column.name} = o.${value}`;
    });
    // A row does not stand in its own way.
    if (op === 'replace') on.push(`x.${key} <> o.id`);
    dups.push(probe(places, model, i, given, on.join(' and ')));
  }
  return dups;
}

/** Looks for one row after another; `offset 0` keeps the planner from making one join of it. */
function probe(
  places: Places,
  model: number,
  index: number,
  given: readonly (readonly [Column, string])[],
  on: string,
): string {
  const { name, key } = places.table;
  const found = `lateral (select x.${key.name} as k from ${name} x where ${on} offset 0) as d`;
  return `select o.u, ${model}, ${index}, d.k from ${source(places, given)}, ${found}`;
}

function lockOf(places: Places): string {
  const { table } = places;
  const isExpected = `x.${table.version.name} = o.v0`;
  const rows = `${source(places)} join ${table.name} x on ${matches(places)}`;
  return `select o.u from ${rows} where ${isExpected} for no key update of x skip locked`;
}

/** For each unit, in order, whether the rows it needs were locked and nothing it wants is taken. */
function okOf(locks: readonly string[]): string {
  const counts = [
    'select u::int as u, n as d from unnest($1::text::int[]) with ordinality as needed(n, u)',
    ...locks.map((name) => `select u, -1 from ${name}`),
    'select u, 1000000 from dup',
  ];
  const sums = `select u, sum(d) as s from (${counts.join(' union all ')}) as counts group by u`;
  return `select array_agg(s = 0 order by u) as v from (${sums}) as sums`;
}

function writeOf(places: Places): string {
  const { table, op, columns } = places;
  const given = [...columns];
  const values = given.map(([column], i) => stored(column, `o.c${i}`));
  if (op === 'delete') return `delete from ${table.name} x using ${source(places)} where ${matches(places)} and ${OK}`;
  if (op === 'replace') {
    const set = given.map(([column], i) => `${column.name} = ${values[i]}`).join(', ');
    return `update ${table.name} x set ${set} from ${source(places, given)} where ${matches(places)} and ${OK}`;
  }
  const names = [table.key, ...columns.keys()].map((column) => column.name).join(', ');
  const list = ['o.id', ...values].join(', ');
  return `insert into ${table.name} (${names}) select ${list} from ${source(places, given)} where ${OK}`;
}

/** Documents of refused units that are not at the expected version (`i` -1); the others were locked. */
function staleOf(places: Places, model: number): string {
  const { table } = places;
  const version = `(select x.${table.version.name} from ${table.name} x where ${matches(places)})`;
  return `select o.u, ${model}, -1, o.id from ${source(places)} where not ${OK} and ${version} is distinct from o.v0`;
}

/** Reads the answer of {@link writeStatement}: null when every unit was written. */
export function refusalsOf(row: unknown, units: readonly (readonly TableChange[])[]): Refusals {
  const { refused } = row as { refused: string | null };
  if (refused === null) return { units: [], found: [] };
  type Found = [unit: number, group: number, index: number, key: string];
  const [numbers, found] = JSON.parse(refused) as [number[], Found[] | null];
  const names = new Map(units.flat().map((change) => [`${change.op} ${change.table.name}`, change.table]));
  const tables = [...names.keys()].sort().map((name) => names.get(name) as Table);
  return {
    units: numbers,
    found: (found ?? []).map(([unit, group, index, key]) => {
      const table = tables[group] as Table;
      return { unit, model: table.model.name, index: index < 0 ? null : (table.indexes[index]?.index ?? null), key };
    }),
  };
}
