/** The changes of units by their kinds, and the values of a statement that carries them. */
import type { Row } from '../../../ports/db-manager.js';
import type { TableChange } from '../dialect.js';
import type { Column, Table } from '../table.js';
import { emptyList, listedRows, listedText, type Marks, storedText } from './columns.js';
import { type Form, formsOf } from './value-forms.js';
import { type GroupShape, nameOf, type Shape } from './write-shapes.js';

type Operation = TableChange['op'];

/** The changes of one kind to one table. */
export interface Group {
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

const NONE: readonly string[] = [];

export interface Grouped {
  /** In the order of their names: the same kinds of changes make the same text, in whatever order they come. */
  readonly groups: readonly Group[];
  /** The number of documents that each unit must have locked. */
  readonly needed: readonly number[];
}

export function groupsOf(units: readonly (readonly TableChange[])[]): Grouped {
  const groups: Group[] = [];
  const needed: number[] = [];
  let group: Group | undefined;
  for (let i = 0; i < units.length; i++) {
    let locked = 0;
    for (const change of units[i] as readonly TableChange[]) {
      const { table, op } = change;
      // There are few groups, and changes of one kind come one after another.
      if (group?.table !== table || group.op !== op) {
        group = groups.find((each) => each.table === table && each.op === op);
        if (!group) {
          const lists = { units: [], keys: [], versions: [], rows: [] };
          const kept = (change.op === 'replace' && change.unchanged) || NONE;
          group = { table, op, ...lists, kept, isOne: false, forms: [] };
          groups.push(group);
        }
      }
      group.units.push(i + 1);
      if (change.op === 'delete') group.keys.push(change.key);
      else {
        group.keys.push(table.keyOf(change.row));
        group.rows.push(change.row);
      }
      if (change.op === 'insert') continue;
      // Those who write many rows name the same lists for them.
      if (change.op === 'replace' && change.unchanged !== group.kept) group.kept = common(group.kept, change.unchanged);
      group.versions.push(change.expectedVersion);
      locked++;
    }
    needed.push(locked);
  }
  for (const each of groups) {
    each.isOne = units.length === 1 && each.units.length === 1;
    each.forms = each.op === 'delete' ? [] : formsOf(each.table.written, each.rows, each.kept);
  }
  return { groups: groups.sort(byName), needed };
}

/** The fields of both lists. */
function common(some: readonly string[], others: readonly string[] = NONE): readonly string[] {
  if (some.every((field) => others.includes(field))) return some;
  return others.every((field) => some.includes(field)) ? others : NONE;
}

function byName(a: Group, b: Group): number {
  return nameOf(a) < nameOf(b) ? -1 : 1;
}

/** The text for lone units that make the same changes to the same tables. */
export interface LoneText {
  readonly shape: Shape;
  /** The places in the unit of the changes that the groups of the text stand for. */
  readonly places: readonly number[];
  readonly needed: string;
}

/** The values of one unit. */
export function loneValues({ shape, places, needed }: LoneText, unit: readonly TableChange[]): (string | null)[] {
  const values: (string | null)[] = [needed];
  for (let i = 0; i < places.length; i++) {
    const { table, forms } = shape.groups[i] as GroupShape;
    const change = unit[places[i] as number] as TableChange;
    const key = change.op === 'delete' ? change.key : table.keyOf(change.row);
    values.push('1', storedText(table.key, key));
    if (change.op !== 'insert') values.push(String(change.expectedVersion));
    if (change.op !== 'delete') pushColumns(values, table, forms, change.row);
  }
  return values;
}

/** The values of one row, in the order of the columns that travel. */
function pushColumns(values: (string | null)[], table: Table, forms: readonly Form[], row: Row | undefined): void {
  const { written } = table;
  for (let i = 0; i < written.length; i++) {
    const form = forms[i];
    if (form === 'null' || form === 'kept') continue;
    const column = written[i] as Column;
    values.push(storedText(column, row?.[column.field] ?? null));
  }
}

/**
 * Adds the values of a group, in the order of {@link Places}. A group that is not given has no rows. Ends with false
 * where a value holds a mark.
 */
export function pushValues(
  values: (string | null)[],
  shape: GroupShape,
  given: Group | undefined,
  marks: Marks,
): boolean {
  const { table, op, isOne, forms } = shape;
  if (!given) {
    values.push(...nothing(shape));
    return true;
  }
  const { units, keys, versions, rows } = given;
  if (isOne) {
    values.push('1', storedText(table.key, keys[0] as string));
    if (op !== 'insert') values.push(String(versions[0]));
    if (op !== 'delete') pushColumns(values, table, forms, rows[0]);
    return true;
  }
  const listedKeys = listedText(table.key, keys, marks);
  if (listedKeys === null) return false;
  values.push(arrayOf(units), listedKeys);
  if (op !== 'insert') values.push(arrayOf(versions));
  for (let i = 0; i < forms.length; i++) {
    const column = table.written[i] as Column;
    if (forms[i] === 'one') values.push(storedText(column, rows[0]?.[column.field] ?? null));
    else if (forms[i] === 'list') {
      const text = listedRows(column, rows, marks);
      if (text === null) return false;
      values.push(text);
    }
  }
  return true;
}

/** Numbers as an array of PostgreSQL. */
export function arrayOf(numbers: readonly number[]): string {
  return `{${numbers.join()}}`;
}

/** The values of a group without changes: lists that are empty, or a unit that is null, and so never fit to write. */
function nothing({ table, op, isOne, forms }: GroupShape): (string | null)[] {
  const empty = (column: Column) => (isOne ? null : emptyList(column));
  const values = [isOne ? null : '{}', empty(table.key)];
  if (op !== 'insert') values.push(isOne ? null : '{}');
  for (const [i, form] of forms.entries()) {
    if (form === 'list') values.push(empty(table.written[i] as Column));
    else if (form === 'one') values.push(null);
  }
  return values;
}
