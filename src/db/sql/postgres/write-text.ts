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
import type { TableChange } from '../dialect.js';
import type { Column } from '../table.js';
import { listed, type Marks, scalar, stored } from './columns.js';
import type { Form } from './value-forms.js';
import type { GroupShape } from './write-shapes.js';

/** The setting that marks a transaction. It ends with the transaction. */
export const MARK = 'credit_management.mark';

/** The places of a group's values among the parameters. */
interface Places extends Pick<GroupShape, 'table' | 'op' | 'isOne'> {
  readonly marks: Marks;
  readonly unit: string;
  readonly key: string;
  readonly expected: string;
  readonly columns: ReadonlyMap<Column, Place>;
}

interface Place {
  readonly form: Form;
  readonly place: string;
}

function placesOf({ table, op, isOne, forms }: GroupShape, marks: Marks, next: () => string): Places {
  const [unit, key] = [next(), next()];
  const expected = op === 'insert' ? '' : next();
  const columns = new Map<Column, Place>();
  for (const [i, form] of forms.entries()) {
    const isSent = form === 'list' || form === 'one';
    columns.set(table.written[i] as Column, { form, place: isSent ? next() : '' });
  }
  return { table, op, isOne, marks, unit, key, expected, columns };
}

const NO_MARKS: Marks = { between: '', none: '' };

/** Whether the text has lists, and parameters for their marks before those of the groups. */
export function hasLists(groups: readonly Pick<GroupShape, 'isOne'>[]): boolean {
  return groups.some(({ isOne }) => !isOne);
}

/** The text that carries these groups. */
export function textOf(groups: readonly GroupShape[], isBlind: boolean, isMarked: boolean): string {
  let last = isMarked ? 2 : 1;
  const next = () => `$${++last}`;
  const marks = hasLists(groups) ? { between: next(), none: next() } : NO_MARKS;
  const places = groups.map((group) => placesOf(group, marks, next));
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

const ORDER: Readonly<Record<TableChange['op'], number>> = { insert: 0, replace: 1, delete: 2 };
const OK = '(select v from ok)[o.u]';

/** The changes of a group as rows `o`. {@link valueIn} names these columns, as far as they travel as lists. */
function source(places: Places, columns: readonly Column[] = []): string {
  const { unit, key, expected, table, isOne, marks } = places;
  const sent = (column: Column, place: string) => (isOne ? scalar(column, place) : listed(column, place, marks));
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
