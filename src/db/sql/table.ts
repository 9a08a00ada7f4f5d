/** A stored model as a table: names, columns, and rows as they come back. */
import { createHash } from 'node:crypto';
import type { FieldKind, Row, StoredField, StoredModel, StoredValue } from '../../ports/db-manager.js';
import { fieldOf } from '../kit/failures.js';

export interface Column {
  readonly field: string;
  /** The column, quoted. */
  readonly name: string;
  readonly kind: FieldKind;
  readonly nullable: boolean;
  /** The values of a closed set, and the constraint that allows no others, not quoted; null for any other column. */
  readonly allowed: { readonly check: string; readonly values: readonly string[] } | null;
}

export interface TableIndex {
  readonly index: string;
  /** The index in the database, not quoted. */
  readonly name: string;
  readonly columns: readonly Column[];
  readonly unique: boolean;
}

/** How a database writes the names of tables, columns and indexes. */
export interface Naming {
  /** The longest name, in bytes. A longer one is cut, and given a hash that tells it from others. */
  readonly bytesMax: number;
  /** A name in quotes, whatever it holds. */
  quoted(name: string): string;
}

const VERSION: StoredField = { kind: 'integer', nullable: false };

export class Table {
  readonly model: StoredModel;
  /** The table, not quoted. */
  readonly bareName: string;
  /** Its schema, quoted. */
  readonly schema: string;
  /** The table with its schema, quoted. */
  readonly name: string;
  /** `version` first, then the fields of the model. */
  readonly columns: readonly Column[];
  /** All columns but the key. */
  readonly written: readonly Column[];
  readonly key: Column;
  readonly version: Column;
  readonly indexes: readonly TableIndex[];
  /** One object for all tables that belong together. */
  readonly family: object;
  readonly #instants: readonly string[];
  readonly #byField: ReadonlyMap<string, Column>;

  constructor(model: StoredModel, prefix: string, schema: string, naming: Naming, family: object = {}) {
    this.family = family;
    const { bytesMax } = naming;
    this.model = model;
    this.bareName = shortened(`${prefix}${model.name}`, bytesMax);
    this.schema = naming.quoted(schema);
    this.name = `${this.schema}.${naming.quoted(this.bareName)}`;
    const declared: [string, StoredField][] = Object.entries({ version: VERSION, ...model.fields });
    this.columns = declared.map(([field, { kind, nullable, values }]) => {
      const check = shortened(`${this.bareName}_${snakeCase(field)}_values`, bytesMax);
      return {
        field,
        name: naming.quoted(snakeCase(field)),
        kind,
        nullable,
        allowed: values ? { check, values } : null,
      };
    });
    this.#byField = new Map(this.columns.map((column) => [column.field, column]));
    this.key = this.column(model.key);
    this.version = this.column('version');
    this.written = this.columns.filter((column) => column !== this.key);
    this.indexes = model.indexes.map(({ name, fields, unique }) => ({
      index: name,
      name: shortened(`${this.bareName}_${snakeCase(name)}`, bytesMax),
      columns: fields.map((field) => this.column(field)),
      unique,
    }));
    this.#instants = this.columns.filter(({ kind }) => kind === 'instant').map(({ field }) => field);
  }

  /** The column of a field. A field that the model does not have is `INVALID_ARGUMENT`. */
  column(field: string): Column {
    return fieldOf(this.#byField, this.model.name, field);
  }

  keyOf(row: Row): string {
    return row[this.model.key] as string;
  }

  /** A row from its JSON text, in which instants are epoch milliseconds. */
  decode(text: string): Row {
    const row = JSON.parse(text) as { version: number; [field: string]: StoredValue };
    for (const field of this.#instants) {
      const value = row[field];
      if (typeof value === 'number') row[field] = new Date(value);
    }
    return row;
  }
}

/** `balanceAfter` → `balance_after`: whoever reads the tables with SQL needs no quotes for such names. */
export function snakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Databases cut long names, and two names that are cut alike would be one. The hash keeps them apart. */
function shortened(name: string, bytesMax: number): string {
  if (Buffer.byteLength(name) <= bytesMax) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 12);
  return `${name.slice(0, bytesMax - 13)}_${hash}`;
}
