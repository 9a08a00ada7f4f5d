/** Statements that read: rows by key, pages along an index, counts, the server's clock. */
import { decodeCursor, orderFields } from '../../../ports/cursor.js';
import type { FindQuery, StoredValue } from '../../../ports/db-manager.js';
import type { Statement } from '../dialect.js';
import type { Column, Table } from '../table.js';
import { scalar, scalarText, selected, TYPES, unnested, unnestedText } from './columns.js';

export const NOW = 'select (extract(epoch from clock_timestamp()) * 1000)::bigint::text as now';

/**
 * Reads rows by key, in no order. With `lock`, they are locked in the order of their keys until the transaction ends.
 */
export function readByKeys(table: Table, keys: readonly string[], lock: boolean): Statement {
  const key = table.key.name;
  const wanted = `array(select json_array_elements_text($1::text::json))`;
  const rows = `select ${selected(table.columns)} from ${table.name} where ${key} = any(${wanted})`;
  const order = lock ? ` order by ${key} for no key update` : '';
  return { text: `select row_to_json(r)::text as r from (${rows}${order}) r`, values: [JSON.stringify(keys)] };
}

const LIMITS = [128, 2_048];

/** Reads one row more than the page holds, so that the caller knows whether there is another page. */
export function readPage(table: Table, query: FindQuery): Statement {
  const values: string[] = [];
  const order = orderFields(table.model, query).map((field) => table.column(field));
  const descending = query.direction === 'desc';
  const conditions = conditionsOf(table, query, values);
  if (query.after !== undefined) {
    conditions.push(afterCursor(order, decodeCursor(table.model, query), descending, values));
  }
  // Columns are named with their table: a bare name would mean the column of the answer, which is computed and in no
  // index.
  const by = order.map(({ name }) => `x.${name}${descending ? ' desc' : ''}`).join(', ');
  const rows = `select ${selected(table.columns)} from ${table.name} x${where(conditions)} order by ${by}`;
  // The inner limit is part of the text, so that the server's query plan is made for about this number of rows. There
  // are few such limits, or each size of a page would be a statement of its own. The outer one ends the walk.
  const most = LIMITS.find((limit) => limit > query.limit);
  values.push(String(BigInt(query.limit) + 1n));
  const text = `select row_to_json(r)::text as r from (${rows}${most ? ` limit ${most}` : ''}) r
    limit $${values.length}::text::bigint`;
  return { text, values };
}

export function countRows(table: Table, query: Omit<FindQuery, 'limit' | 'after'>): Statement {
  const values: string[] = [];
  orderFields(table.model, query);
  const conditions = conditionsOf(table, query, values);
  return { text: `select count(*)::text as n from ${table.name}${where(conditions)}`, values };
}

function where(conditions: readonly string[]): string {
  return conditions.length > 0 ? ` where ${conditions.join(' and ')}` : '';
}

const BOUNDS = { gte: '>=', gt: '>', lte: '<=', lt: '<' } as const;

function conditionsOf(table: Table, { equals, anyOf, range }: Omit<FindQuery, 'limit'>, values: string[]): string[] {
  const conditions = Object.entries(equals ?? {}).map(([field, value]) => {
    const column = table.column(field);
    return `${column.name} = ${bound(column, value, values)}`;
  });
  if (anyOf) {
    const column = table.column(anyOf.field);
    const wanted = anyOf.values.filter((value) => value !== null);
    if (column.kind === 'json') throw new TypeError(`${column.field} cannot be compared.`);
    values.push(unnestedText(column, wanted));
    conditions.push(`${column.name} = any(array(select ${unnested(column, `$${values.length}`)}))`);
  }
  if (range) {
    const column = table.column(range.field);
    for (const [name, operator] of Object.entries(BOUNDS)) {
      const value = range[name as keyof typeof BOUNDS];
      if (value !== undefined) conditions.push(`${column.name} ${operator} ${bound(column, value, values)}`);
    }
    // A range without bounds still asks for a value.
    if (column.nullable) conditions.push(`${column.name} is not null`);
  }
  return conditions;
}

/** A null is equal to nothing, as it is in SQL. */
function bound(column: Column, value: StoredValue, values: string[]): string {
  if (value === null) return `null::${TYPES[column.kind]}`;
  values.push(scalarText(column, value));
  return scalar(column, `$${values.length}`);
}

/** The rows behind a position. Ascending, null comes last; descending, first. */
function afterCursor(
  order: readonly Column[],
  position: readonly StoredValue[],
  descending: boolean,
  values: string[],
): string {
  const operator = descending ? '<' : '>';
  const names = order.map(({ name }) => name);
  if (order.every(({ nullable }) => !nullable)) {
    const places = order.map((column, i) => bound(column, position[i] as StoredValue, values));
    return `(${names.join(', ')}) ${operator} (${places.join(', ')})`;
  }
  const places = order.map((column, i) =>
    position[i] === null ? null : bound(column, position[i] as StoredValue, values),
  );
  const behind = order.map((column, i) => {
    const same = names.slice(0, i).map((name, j) => (places[j] ? `${name} = ${places[j]}` : `${name} is null`));
    return [...same, next(column, places[i] ?? null, descending)].join(' and ');
  });
  return `(${behind.map((condition) => `(${condition})`).join(' or ')})`;
}

function next({ name, nullable }: Column, place: string | null, descending: boolean): string {
  if (place === null) return descending ? `${name} is not null` : 'false';
  if (descending) return `${name} < ${place}`;
  return nullable ? `(${name} > ${place} or ${name} is null)` : `${name} > ${place}`;
}
