/**
 * The money statement: many units in one round trip, each written as a whole or not at all.
 *
 * It is a chain of common table expressions. Each is decided by the ones before it, so it is right at READ COMMITTED:
 * - `dup`: units of which an inserted key or a unique value exists. A document that is then locked at the expected
 *   version guards unique values that change with its version alone: `dup` has seen every one of them.
 * - `lk`, one a model: the replaced and deleted rows that are at the expected version and not locked by somebody else.
 * - `ok`: for each unit, whether all its rows were locked and none of its values taken.
 * - the writes, of the units that are `ok`.
 *
 * The server keeps a query plan, and one that was made while a table was small must not read the whole table for ever
 * after. So rows are found one after another, by key: `x.id = any(array[o.id])` says `x.id = o.id` in a form that only
 * an index of `x` can answer (where the statement needs more of `x` than that index holds), and `dup` looks in a
 * subselect that is not flattened. And `ok` is an array that the writes look into by place, so that no two lists of
 * hundreds are joined.
 */
import type { Row, StoredValue } from '../../../ports/db-manager.js';
import type { Refusals, Statement, TableChange } from '../dialect.js';
import type { Column, Table } from '../table.js';
import { scalar, stored, storedText, unnested, unnestedText } from './columns.js';
import { type Form, formsOf } from './value-forms.js';
import { type GroupShape, keyOf, nameOf, type Shape, WriteShapes } from './write-shapes.js';

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
  /** Fields that no row changes. */
  kept: readonly string[];
  /**
   * Whether this is the only change of the only unit. Its values need no lists then: that halves the server's work for
   * it.
   */
  isOne: boolean;
  /** The forms of all columns but the key, in their order. */
  forms: readonly Form[];
}

/** The setting that marks a transaction. It ends with the transaction. */
export const MARK = 'credit_management.mark';

const NONE: readonly string[] = [];

/** How a statement is made. */
export interface WriteOptions {
  /** Whether connections keep it: then its text is one of few. */
  readonly isKept: boolean;
  /**
   * For one unit: whether not to look for obstacles. The answer then says only whether it was refused, and a taken
   * value is an error; for that it costs the server half as much.
   */
  readonly isBlind?: boolean;
  /** The value that {@link MARK} must hold for anything to be written; null for any value. */
  readonly mark?: string | null;
}

/** The texts for the tables of one manager. */
class Texts {
  readonly blind = new WriteShapes();
  readonly looking = new WriteShapes();
  /** Texts that no connection keeps, by what they carry. */
  readonly passing = new Map<string, string>();
}

const PASSING_MAX = 200;
const textsOf = new WeakMap<object, Texts>();

export function writeStatement(
  units: readonly (readonly TableChange[])[],
  { isKept, isBlind = false, mark = null }: WriteOptions,
): Statement {
  const groups = new Map<Table, Partial<Record<Operation, Group>>>();
  const needed: number[] = [];
  for (const [i, unit] of units.entries()) {
    let locked = 0;
    for (const change of unit) {
      const { table, op } = change;
      let groupsOfTable = groups.get(table);
      if (!groupsOfTable) {
        groupsOfTable = {};
        groups.set(table, groupsOfTable);
      }
      let group = groupsOfTable[op];
      if (!group) {
        const lists = { units: [], keys: [], versions: [], rows: [] };
        const kept = (change.op === 'replace' && change.unchanged) || NONE;
        group = { table, op, ...lists, kept, isOne: false, forms: [] };
        groupsOfTable[op] = group;
      }
      group.units.push(i + 1);
      group.keys.push(change.op === 'delete' ? change.key : table.keyOf(change.row));
      if (change.op !== 'delete') group.rows.push(change.row);
      if (change.op === 'insert') continue;
      // Those who write many rows name the same list for each.
      if (change.op === 'replace' && change.unchanged !== group.kept) group.kept = NONE;
      group.versions.push(change.expectedVersion);
      locked++;
    }
    needed.push(locked);
  }
  // The same kinds of changes make the same text, in whatever order they come.
  const ordered = [...groups.values()].flatMap((each) => Object.values(each)).sort(byName);
  for (const group of ordered) {
    group.isOne = units.length === 1 && group.units.length === 1;
    group.forms = group.op === 'delete' ? [] : formsOf(group.table.written, group.rows, group.kept);
  }
  const shape = shapeFor(ordered, isKept, isBlind, mark !== null);
  const marks = mark === null ? [] : [mark];
  const given = new Map(ordered.map((group) => [nameOf(group), group]));
  const values = shape.groups.flatMap((group) => valuesOf(group, given.get(nameOf(group))));
  return { text: shape.text, values: [`{${needed.join()}}`, ...marks, ...values] };
}

function byName(a: Group, b: Group): number {
  return nameOf(a) < nameOf(b) ? -1 : 1;
}

function shapeFor(groups: readonly Group[], isKept: boolean, isBlind: boolean, isMarked: boolean): Shape {
  const [first] = groups;
  const textOfGroups = (shapes: readonly GroupShape[]) => textOf(shapes, isBlind, isMarked);
  if (!first) return { groups, text: textOfGroups(groups) };
  const { family } = first.table;
  const texts = textsOf.get(family) ?? new Texts();
  textsOf.set(family, texts);
  if (isKept && isBlind) return texts.blind.shapeFor(groups, textOfGroups);
  // A single unit is looked at when something is in its way: that need not be fast.
  const lists = isKept ? groups.map((group) => ({ ...group, isOne: false })) : groups;
  if (isKept) return texts.looking.shapeFor(lists, textOfGroups);
  const key = `${isBlind} ${isMarked}\n${keyOf(groups)}`;
  const text = texts.passing.get(key) ?? textOfGroups(groups);
  if (texts.passing.size >= PASSING_MAX) texts.passing.clear();
  texts.passing.set(key, text);
  return { groups, text };
}

/** The values of a group, in the order of {@link Places}. A group that is not given has no rows. */
function valuesOf({ table, op, isOne, forms }: GroupShape, given: Group | undefined): (string | null)[] {
  if (!given) return nothing({ table, op, isOne, forms });
  const { units, keys, versions, rows } = given;
  const values: (string | null)[] = isOne
    ? ['1', storedText(table.key, keys[0] as string)]
    : [`{${units.join()}}`, unnestedText(table.key, keys)];
  if (op !== 'insert') values.push(isOne ? String(versions[0]) : `{${versions.join()}}`);
  if (op === 'delete') return values;
  for (const [i, column] of table.written.entries()) {
    const { field } = column;
    const form = forms[i];
    if (form === 'null' || form === 'kept') continue;
    if (isOne || form === 'one') values.push(storedText(column, rows[0]?.[field] ?? null));
    else
      values.push(
        unnestedText(
          column,
          rows.map((row): StoredValue => row[field] ?? null),
        ),
      );
  }
  return values;
}

/** The values of a group without changes: lists that are empty, or a unit that is null, and so never fit to write. */
function nothing({ table, op, isOne, forms }: GroupShape): (string | null)[] {
  const empty = (column: Column) => (isOne ? null : unnestedText(column, []));
  const values = [isOne ? null : '{}', empty(table.key)];
  if (op !== 'insert') values.push(isOne ? null : '{}');
  for (const [i, form] of forms.entries()) {
    if (form === 'list') values.push(empty(table.written[i] as Column));
    else if (form === 'one') values.push(null);
  }
  return values;
}

/** The places of a group's values among the parameters. */
interface Places extends Pick<GroupShape, 'table' | 'op' | 'isOne'> {
  readonly unit: string;
  readonly key: string;
  readonly expected: string;
  readonly columns: ReadonlyMap<Column, Place>;
}

interface Place {
  readonly form: Form;
  readonly place: string;
}

function placesOf({ table, op, isOne, forms }: GroupShape, next: () => string): Places {
  const [unit, key] = [next(), next()];
  const expected = op === 'insert' ? '' : next();
  const columns = new Map<Column, Place>();
  for (const [i, form] of forms.entries()) {
    const isSent = form === 'list' || form === 'one';
    columns.set(table.written[i] as Column, { form, place: isSent ? next() : '' });
  }
  return { table, op, isOne, unit, key, expected, columns };
}

function textOf(groups: readonly GroupShape[], isBlind: boolean, isMarked: boolean): string {
  let last = isMarked ? 2 : 1;
  const next = () => `$${++last}`;
  const places = groups.map((group) => placesOf(group, next));
  const dups = isBlind ? [] : places.flatMap(dupsOf);
  const locking = places.flatMap((each, i) => (each.op === 'insert' ? [] : [{ each, name: `lk${i}` }]));
  const locks = locking.map(({ name }) => name);
  const none = "select 0, ''::text, 0, '' where false";
  const parts = [
    ...(isBlind ? [] : [`dup(u, m, i, k) as materialized (${dups.join(' union all ') || none})`]),
    ...locking.map(({ each, name }) => `${name} as materialized (${lockOf(each)})`),
    `ok as materialized (${isBlind ? allLocked(locks) : okOf(locks, isMarked)})`,
    // Side statements run last to first: a delete makes room for an update, and that for an insert.
    ...[...places].sort((a, b) => ORDER[a.op] - ORDER[b.op]).map((each, i) => `w${i} as (${writeOf(each)})`),
  ];
  if (isBlind)
    return `with ${parts.join(',\n')}\nselect case when (select v[1] from ok) then null else '' end as refused`;
  const stale = locking.map(({ each }) => staleOf(each));
  const found = ['select u, m, i, k from dup', ...stale].join(' union all ');
  return `with ${parts.join(',\n')}
select case when array_position((select v from ok), false) is null then null else (
  select json_build_array(
    (select json_agg(n.u - 1) from unnest((select v from ok)) with ordinality as n(good, u) where not n.good),
    (select json_agg(json_build_array(p.u - 1, p.m, p.i, p.k)) from (${found}) as p))::text) end as refused`;
}

const ORDER: Readonly<Record<Operation, number>> = { insert: 0, replace: 1, delete: 2 };
const OK = '(select v from ok)[o.u]';

/** The changes of a group as rows `o`. {@link valueIn} names these columns, as far as they travel as lists. */
function source(places: Places, columns: readonly Column[] = []): string {
  const { unit, key, expected, table, isOne } = places;
  const sent = isOne ? scalar : unnested;
  const parts = [isOne ? `${unit}::text::int` : `unnest(${unit}::text::int[])`, sent(table.key, key)];
  const names = ['u', 'id'];
  if (expected !== '') {
    parts.push(sent(table.version, expected));
    names.push('v0');
  }
  for (const column of columns) {
    const { form, place } = places.columns.get(column) as Place;
    if (form !== 'list') continue;
    parts.push(sent(column, place));
    names.push(`c${table.written.indexOf(column)}`);
  }
  const list = isOne ? `(values (${parts.join(', ')}))` : `rows from (${parts.join(', ')})`;
  return `${list} as o(${names.join(', ')})`;
}

/** The value of a column in a row of {@link source}. */
function valueIn({ table, columns }: Places, column: Column): string {
  if (column === table.key) return 'o.id';
  const { form, place } = columns.get(column) as Place;
  if (form === 'null') return 'null';
  if (form === 'kept') return `x.${column.name}`;
  // A subselect is evaluated once, not for each row.
  if (form === 'one') return `(select ${scalar(column, place)})`;
  return stored(column, `o.c${table.written.indexOf(column)}`);
}

function matches({ table }: Places): string {
  return `x.${table.key.name} = any(array[o.id])`;
}

/** Rows that hold an inserted key (`i` -1), or a unique value (`i` its index among those of the model). */
function dupsOf(places: Places): string[] {
  const { table, op, columns } = places;
  if (op === 'delete') return [];
  const key = table.key.name;
  const dups = op === 'insert' ? [probe(places, -1, [], `x.${key} = o.id`)] : [];
  for (const [i, index] of table.indexes.entries()) {
    // An absent value collides with nothing.
    if (!index.unique || index.columns.some((column) => columns.get(column)?.form === 'null')) continue;
    // Nor do values that stay as they are.
    if (index.columns.every((column) => column === table.key || columns.get(column)?.form === 'kept')) continue;
    const on = index.columns.map((column) => `x.${column.name} = ${valueIn(places, column)}`);
    // A row does not collide with itself.
    if (op === 'replace') on.push(`x.${key} <> o.id`);
    const given = index.columns.filter((column) => column !== table.key);
    dups.push(probe(places, i, given, on.join(' and ')));
  }
  return dups;
}

/** Looks for one row after another; `offset 0` keeps the planner from making one join of it. */
function probe(places: Places, index: number, given: readonly Column[], on: string): string {
  const { name, key } = places.table;
  const found = `lateral (select x.${key.name} as k from ${name} x where ${on} offset 0) as d`;
  return `select o.u, ${modelOf(places)}, ${index}, d.k from ${source(places, given)}, ${found}`;
}

/** The name of the model, for the answer. */
function modelOf({ table }: Places): string {
  return `'${table.model.name.replaceAll("'", "''")}'::text`;
}

function lockOf(places: Places): string {
  const { table } = places;
  const isExpected = `x.${table.version.name} = o.v0`;
  const rows = `${source(places)} join ${table.name} x on ${matches(places)}`;
  return `select o.u from ${rows} where ${isExpected} for no key update of x skip locked`;
}

/** For each unit, in order, whether the rows it needs were locked and nothing it wants is taken. */
function okOf(locks: readonly string[], isMarked: boolean): string {
  const counts = [
    'select u::int as u, n as d from unnest($1::text::int[]) with ordinality as needed(n, u)',
    ...locks.map((name) => `select u, -1 from ${name}`),
    'select u, 1000000 from dup',
  ];
  const sums = `select u, sum(d) as s from (${counts.join(' union all ')}) as counts group by u`;
  const isHere = isMarked ? ` and current_setting('${MARK}', true) is not distinct from $2::text` : '';
  return `select array_agg(s = 0${isHere} order by u) as v from (${sums}) as sums`;
}

/** The same for a blind statement: nothing but a lock can stand in the way of its unit. */
function allLocked(locks: readonly string[]): string {
  const counts = locks.map((name) => `(select count(*) from ${name})`);
  return `select array[${counts.join(' + ') || '0'} = ($1::text::int[])[1]] as v`;
}

function writeOf(places: Places): string {
  const { table, op, columns } = places;
  if (op === 'delete') return `delete from ${table.name} x using ${source(places)} where ${matches(places)} and ${OK}`;
  const rows = source(places, table.written);
  if (op === 'replace') {
    const changed = table.written.filter((column) => columns.get(column)?.form !== 'kept');
    const set = changed.map((column) => `${column.name} = ${valueIn(places, column)}`).join(', ');
    return `update ${table.name} x set ${set} from ${rows} where ${matches(places)} and ${OK}`;
  }
  const given = [table.key, ...table.written.filter((column) => columns.get(column)?.form !== 'null')];
  const names = given.map(({ name }) => name).join(', ');
  const list = given.map((column) => valueIn(places, column)).join(', ');
  return `insert into ${table.name} (${names}) select ${list} from ${rows} where ${OK}`;
}

/** Documents of refused units that are not at the expected version (`i` -1); the others were locked. */
function staleOf(places: Places): string {
  const { table } = places;
  const version = `(select x.${table.version.name} from ${table.name} x where ${matches(places)})`;
  const isStale = `not ${OK} and ${version} is distinct from o.v0`;
  return `select o.u, ${modelOf(places)}, -1, o.id from ${source(places)} where ${isStale}`;
}

/** Reads the answer of {@link writeStatement}: null when every unit was written. */
export function refusalsOf(row: unknown, units: readonly (readonly TableChange[])[]): Refusals {
  const { refused } = row as { refused: string | null };
  if (refused === null) return { units: [], found: [] };
  type Found = [unit: number, model: string, index: number, key: string];
  const [numbers, found] = JSON.parse(refused) as [number[], Found[] | null];
  const tables = new Map(units.flat().map(({ table }) => [table.model.name, table]));
  return {
    units: numbers,
    found: (found ?? []).map(([unit, model, index, key]) => {
      return { unit, model, index: index < 0 ? null : (tables.get(model)?.indexes[index]?.index ?? null), key };
    }),
  };
}
