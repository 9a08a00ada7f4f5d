/** The names of columns, and the ways in which the kinds of fields are stored, sent and read back. */
import { isoText } from '../../../models/iso-text.js';
import type { FieldKind, Row, StoredValue } from '../../../ports/db-manager.js';
import { mayNotBeNull, notOfKind } from '../../kit/failures.js';
import type { Column, Naming } from '../table.js';

export const NAMING: Naming = { bytesMax: 63, quoted };

/** An identifier in double quotes, whatever it holds. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * `json` keeps a value as it was given; `jsonb` would sort its keys. The collation "C" orders strings by their bytes,
 * whatever the language of the server.
 */
export const TYPES: Readonly<Record<FieldKind, string>> = {
  string: 'text',
  integer: 'bigint',
  boolean: 'boolean',
  instant: 'timestamptz',
  json: 'json',
};

/** The definition of a column. */
export function definition(column: Column): string {
  const { name, field, kind, nullable, allowed } = column;
  const type = kind === 'string' ? 'text collate "C"' : TYPES[kind];
  const least = field === 'version' ? '1' : String(Number.MIN_SAFE_INTEGER);
  const check = kind === 'integer' ? ` check (${name} between ${least} and ${Number.MAX_SAFE_INTEGER})` : '';
  const closed = allowed ? ` ${allowing(column, allowed.values)}` : '';
  return `${name} ${type}${nullable ? '' : ' not null'}${check}${closed}`;
}

/** The constraint that allows these values of a column and no others. */
export function allowing({ name, allowed }: Column, values: readonly string[]): string {
  const texts = values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ');
  return `constraint ${quoted(allowed?.check ?? '')} check (${name} in (${texts}))`;
}

/** The fields of a row for `row_to_json`; instants are epoch milliseconds, so that no time zone matters. */
export function selected(columns: readonly Column[]): string {
  return columns
    .map(({ name, field, kind }) => {
      const value = kind === 'instant' ? `(extract(epoch from ${name}) * 1000)::bigint` : name;
      return `${value} as ${quoted(field)}`;
    })
    .join(', ');
}

/** A parameter that holds one value. */
export function scalar({ kind }: Pick<Column, 'kind'>, place: string): string {
  return `${place}::text::${TYPES[kind]}`;
}

/** The text of one value, for {@link scalar}. A value of another kind than the column's throws. */
export function scalarText(column: Pick<Column, 'kind' | 'field'>, value: StoredValue): string {
  checkKind(column, value);
  return value instanceof Date ? instantText(value) : String(value);
}

/** @throws a TypeError for a value of another kind than the column's */
function checkKind({ kind, field }: Pick<Column, 'kind' | 'field'>, value: StoredValue): void {
  // The driver would send U+FFFD in place of half a surrogate pair.
  if (kind === 'string' && typeof value === 'string' && value.isWellFormed()) return;
  if (kind === 'integer' && Number.isSafeInteger(value)) return;
  if (kind === 'boolean' && typeof value === 'boolean') return;
  if (kind === 'instant' && value instanceof Date) return;
  throw notOfKind(field, kind);
}

/** The text of one value of a row, for {@link scalar}. */
export function storedText(column: Column, value: StoredValue): string | null {
  if (value === null) {
    if (!column.nullable) throw mayNotBeNull(column.field);
    return null;
  }
  return column.kind === 'json' ? JSON.stringify(value) : scalarText(column, value);
}

/** A parameter that holds some values, as a set of rows. */
export function unnested({ kind }: Pick<Column, 'kind'>, place: string): string {
  if (kind === 'string') return `json_array_elements_text(${place}::text::json)`;
  return `unnest(${place}::text::${TYPES[kind]}[])`;
}

/**
 * The text of some values, for {@link unnested}. Strings travel as JSON, which holds every character and refuses a
 * value that is no text (a NUL, half a surrogate pair) instead of changing it. A value of another kind throws.
 */
export function unnestedText(column: Pick<Column, 'kind' | 'field'>, values: readonly StoredValue[]): string {
  const { kind } = column;
  if (kind === 'instant') return `{${instantTexts(column, values)}}`;
  for (const value of values) if (value !== null) checkKind(column, value);
  // Whole numbers, `true`, `false` and `null` are written alike in JSON.
  return kind === 'string' ? JSON.stringify(values) : `{${JSON.stringify(values).slice(1, -1)}}`;
}

/** The texts that stand between the values of a column and in place of those that are null. No value holds them. */
export interface Marks {
  readonly between: string;
  readonly none: string;
}

/** A parameter that holds a value of a column for each row, as a set of rows; `marks` are parameters too. */
export function listed(column: Pick<Column, 'kind'>, place: string, { between, none }: Marks): string {
  if (column.kind !== 'string' && column.kind !== 'json') return unnested(column, place);
  return `unnest(string_to_array(${place}::text, ${between}::text, ${none}::text))`;
}

/** The value of a column of {@link listed}. */
export function stored({ kind }: Column, source: string): string {
  return kind === 'json' ? `${source}::json` : source;
}

/**
 * The text of the values of a column, for {@link listed}; null where one of them holds a mark. It costs the server a
 * fifth of what JSON does, which is read there twice: once to see that it is JSON, and once more for its elements.
 * A value of another kind throws.
 */
export function listedText(column: Column, values: readonly StoredValue[], marks: Marks): string | null {
  const { kind, field, nullable } = column;
  if (kind !== 'string' && kind !== 'json') return unnestedText(column, values);
  const { between, none } = marks;
  const texts: string[] = new Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as StoredValue;
    if (value === null) {
      if (!nullable) throw mayNotBeNull(field);
      texts[i] = none;
    } else if (kind === 'json') texts[i] = JSON.stringify(value);
    else if (typeof value !== 'string') throw notOfKind(field, kind);
    else if (value.includes(between) || value === none) return null;
    else texts[i] = value;
  }
  // One empty text would be no value at all. The row that a second one makes has no unit, and is never written.
  if (texts.length === 1) texts.push(none);
  const text = texts.join(between);
  // The driver would send U+FFFD in place of half a surrogate pair.
  if (kind === 'string' && !text.isWellFormed()) throw notOfKind(field, kind);
  return text;
}

/** The text of no values, for {@link listed}. */
export function emptyList({ kind }: Column): string {
  return kind === 'string' || kind === 'json' ? '' : '{}';
}

/** The same for a column of rows. */
export function listedRows(column: Column, rows: readonly Row[], marks: Marks): string | null {
  const { field } = column;
  const values: StoredValue[] = new Array(rows.length);
  for (let i = 0; i < rows.length; i++) values[i] = rows[i]?.[field] ?? null;
  return listedText(column, values, marks);
}

function instantTexts(column: Pick<Column, 'kind' | 'field'>, values: readonly StoredValue[]): string {
  const texts: string[] = new Array(values.length);
  let last: StoredValue = null;
  let lastText = 'null';
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as StoredValue;
    // Many rows of a batch share their instant, and its text is costly.
    const isRepeated = value instanceof Date && last instanceof Date && value.getTime() === last.getTime();
    if (!isRepeated) lastText = value === null ? 'null' : scalarText(column, value);
    last = value;
    texts[i] = lastText;
  }
  return texts.join();
}

/** ISO 8601, with the years before 1 and after 9999 as PostgreSQL writes them. */
function instantText(instant: Date): string {
  const text = isoText(instant);
  const year = instant.getUTCFullYear();
  if (year > 0 && year <= 9999) return text;
  const rest = text.slice(text.indexOf('-', 1));
  return year > 0 ? `${year}${rest}` : `${String(1 - year).padStart(4, '0')}${rest} BC`;
}
