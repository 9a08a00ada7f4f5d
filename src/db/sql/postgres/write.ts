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
import { type Form, formsOf, type Variant, variantFor } from './value-forms.js';

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

/** Variants by the kinds of changes they serve. */
const variants = new WeakMap<Table, Map<string, Variant[]>>();

/**
 * @param isBlind for one unit: whether not to look for obstacles. The answer then says only whether it was refused, and
 * a taken value is an error; for that it costs the server half as much.
 * @param mark the value that {@link MARK} must hold for anything to be written; null for any value.
 */
export function writeStatement(
  units: readonly (readonly TableChange[])[],
  isBlind = false,
  mark: string | null = null,
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
        group = { table, op, ...lists, isOne: false, forms: [] };
        groupsOfTable[op] = group;
      }
      group.units.push(i + 1);
      group.keys.push(change.op === 'delete' ? change.key : table.keyOf(change.row));
      if (change.op !== 'delete') group.rows.push(change.row);
      if (change.op === 'insert') continue;
      group.versions.push(change.expectedVersion);
      locked++;
    }
    needed.push(locked);
  }
  // The same kinds of changes make the same text, in whatever order they come.
  const ordered = [...groups.values()].flatMap((each) => Object.values(each)).sort(byName);
  for (const group of ordered) {
    group.isOne = units.length === 1 && group.units.length === 1;
    group.forms = group.op === 'delete' ? [] : formsOf(group.table.written, group.rows);
  }
  const text = textFor(ordered, isBlind, mark !== null);
  const marks = mark === null ? [] : [mark];
  return { text, values: [`{${needed.join()}}`, ...marks, ...ordered.flatMap(valuesOf)] };
}

function nameOf({ op, table }: Pick<TableChange, 'op' | 'table'>): string {
  return `${op} ${table.name}`;
}

function byName(a: Group, b: Group): number {
  return nameOf(a) < nameOf(b) ? -1 : 1;
}

/** The text for these groups. The forms of the text become those of the groups. */
function textFor(groups: readonly Group[], isBlind: boolean, isMarked: boolean): string {
  const [first] = groups;
  if (!first) return textOf(groups, isBlind, isMarked);
  const shape = [isBlind, isMarked, ...groups.map((group) => `${nameOf(group)} ${group.isOne}`)].join('\n');
  const shapes = variants.get(first.table) ?? new Map<string, Variant[]>();
  variants.set(first.table, shapes);
  const known = shapes.get(shape) ?? [];
  shapes.set(shape, known);
  const variant = variantFor(
    known,
    groups.map(({ forms }) => forms),
    (forms) => {
      for (const [i, group] of groups.entries()) group.forms = forms[i] as readonly Form[];
      return textOf(groups, isBlind, isMarked);
    },
  );
  for (const [i, group] of groups.entries()) group.forms = variant.forms[i] as readonly Form[];
  return variant.text;
}

/** The values of a group, in the order of {@link Places}. */
function valuesOf({ table, op, units, keys, versions, rows, isOne, forms }: Group): (string | null)[] {
  const values: (string | null)[] = isOne
    ? ['1', storedText(table.key, keys[0] as string)]
    : [`{${units.join()}}`, unnestedText(table.key, keys)];
  if (op !== 'insert') values.push(isOne ? String(versions[0]) : `{${versions.join()}}`);
  if (op === 'delete') return values;
  for (const [i, column] of table.written.entries()) {
    const { field } = column;
    const form = forms[i];
    if (form === 'null') continue;
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

/** The places of a group's values among the parameters. */
interface Places extends Pick<Group, 'table' | 'op' | 'isOne'> {
  readonly unit: string;
  readonly key: string;
  readonly expected: string;
  readonly columns: ReadonlyMap<Column, Place>;
}

interface Place {
  readonly form: Form;
  readonly place: string;
}

function placesOf({ table, op, isOne, forms }: Group, next: () => string): Places {
  const [unit, key] = [next(), next()];
  const expected = op === 'insert' ? '' : next();
  const columns = new Map<Column, Place>();
  for (const [i, form] of forms.entries()) {
    columns.set(table.written[i] as Column, { form, place: form === 'null' ? '' : next() });
  }
  return { table, op, isOne, unit, key, expected, columns };
}

function textOf(groups: readonly Group[], isBlind: boolean, isMarked: boolean): string {
  let last = isMarked ? 2 : 1;
  const next = () => `$${++last}`;
  const places = groups.map((group) => placesOf(group, next));
  const dups = isBlind ? [] : places.flatMap((each, model) => dupsOf(each, model));
  const locking = places.flatMap((each, i) => (each.op === 'insert' ? [] : [{ each, name: `lk${i}`, model: i }]));
  const locks = locking.map(({ name }) => name);
  const none = "select 0, 0, 0, '' where false";
  const parts = [
    ...(isBlind ? [] : [`dup(u, m, i, k) as materialized (${dups.join(' union all ') || none})`]),
    ...locking.map(({ each, name }) => `${name} as materialized (${lockOf(each)})`),
    `ok as materialized (${isBlind ? allLocked(locks) : okOf(locks, isMarked)})`,
    // Side statements run last to first: a delete makes room for an update, and that for an insert.
    ...[...places].sort((a, b) => ORDER[a.op] - ORDER[b.op]).map((each, i) => `w${i} as (${writeOf(each)})`),
  ];
  if (isBlind)
    return `with ${parts.join(',\n')}\nselect case when (select v[1] from ok) then null else '' end as refused`;
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
  // A subselect is evaluated once, not for each row.
  if (form === 'one') return `(select ${scalar(column, place)})`;
  return stored(column, `o.c${table.written.indexOf(column)}`);
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
    // An absent value collides with nothing.
    if (!index.unique || index.columns.some((column) => columns.get(column)?.form === 'null')) continue;
    const on = index.columns.map((column) => `x.${column.name} = ${valueIn(places, column)}`);
    // A row does not collide with itself.
    if (op === 'replace') on.push(`x.${key} <> o.id`);
    const given = index.columns.filter((column) => column !== table.key);
    dups.push(probe(places, model, i, given, on.join(' and ')));
  }
  return dups;
}

/** Looks for one row after another; `offset 0` keeps the planner from making one join of it. */
function probe(places: Places, model: number, index: number, given: readonly Column[], on: string): string {
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
    const set = table.written.map((column) => `${column.name} = ${valueIn(places, column)}`).join(', ');
    return `update ${table.name} x set ${set} from ${rows} where ${matches(places)} and ${OK}`;
  }
  const given = [table.key, ...table.written.filter((column) => columns.get(column)?.form !== 'null')];
  const names = given.map(({ name }) => name).join(', ');
  const list = given.map((column) => valueIn(places, column)).join(', ');
  return `insert into ${table.name} (${names}) select ${list} from ${rows} where ${OK}`;
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
  const names = new Map(units.flat().map((change) => [nameOf(change), change.table]));
  const tables = [...names.keys()].sort().map((name) => names.get(name) as Table);
  return {
    units: numbers,
    found: (found ?? []).map(([unit, group, index, key]) => {
      const table = tables[group] as Table;
      return { unit, model: table.model.name, index: index < 0 ? null : (table.indexes[index]?.index ?? null), key };
    }),
  };
}
