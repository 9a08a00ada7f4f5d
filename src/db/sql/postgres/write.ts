/** The money statement of some units, see `write-text.ts`: the text that carries them, and its values. */
import { randomUUID } from 'node:crypto';
import type { Refusals, Statement, TableChange } from '../dialect.js';
import type { Table } from '../table.js';
import type { Marks } from './columns.js';
import { type GroupShape, keyOf, type Shape, WriteShapes } from './write-shapes.js';
import { hasLists, textOf } from './write-text.js';
import { arrayOf, type Group, type Grouped, groupsOf, type LoneText, loneValues, pushValues } from './write-values.js';

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
  /** By the kinds of changes. It spares a lone unit the search for its text, which costs more than all its values. */
  readonly lone = new Map<string, LoneText>();
  /** Texts that no connection keeps, by what they carry. */
  readonly passing = new Map<string, string>();
}

const PASSING_MAX = 200;
const LONE_MAX = 200;
const textsOf = new WeakMap<object, Texts>();

/** A statement that applies each unit as a whole or not at all. */
export function writeStatement(
  units: readonly (readonly TableChange[])[],
  { isKept, isBlind = false, mark = null }: WriteOptions,
): Statement {
  const grouped = groupsOf(units);
  const shape = shapeFor(grouped.groups, isKept, isBlind, mark !== null);
  return statementOf(shape, grouped, mark);
}

/**
 * The statement of one unit that does not look for obstacles, for connections that keep it. The text for units of its
 * kind is remembered: looking for it among all texts would cost more than all the values.
 */
export function loneStatement(unit: readonly TableChange[]): Statement {
  const texts = textsFor((unit[0] as TableChange).table);
  let kind = '';
  for (const change of unit) {
    kind += `${change.op} ${change.table.bareName} ${(change.op === 'replace' && change.unchanged) || ''}\n`;
  }
  const known = texts.lone.get(kind);
  if (known && texts.blind.use(known.shape)) {
    return { text: known.shape.text, values: loneValues(known, unit) };
  }
  const grouped = groupsOf([unit]);
  const shape = shapeFor(grouped.groups, true, true, false);
  const isOwn = shape.groups.every(({ isOne }) => isOne) && keyOf(shape.groups) === keyOf(grouped.groups);
  if (isOwn) {
    if (texts.lone.size >= LONE_MAX) texts.lone.clear();
    const places = shape.groups.map(({ op, table }) =>
      unit.findIndex((each) => each.op === op && each.table === table),
    );
    texts.lone.set(kind, { shape, places, needed: arrayOf(grouped.needed) });
  }
  return statementOf(shape, grouped, null);
}

/** Control characters, which hardly any value holds. */
const USUAL_MARKS: Marks = { between: '\u001e', none: '\u001f' };

function statementOf(shape: Shape, grouped: Grouped, mark: string | null): Statement {
  let values = valuesOf(shape, grouped, mark, USUAL_MARKS);
  // These marks are no part of any value: nobody knew them before.
  while (!values) values = valuesOf(shape, grouped, mark, { between: randomUUID(), none: randomUUID() });
  return { text: shape.text, values };
}

/** Null where a value holds one of the marks. */
function valuesOf(
  { groups: shapes }: Shape,
  { groups, needed }: Grouped,
  mark: string | null,
  marks: Marks,
): (string | null)[] | null {
  const values: (string | null)[] = [arrayOf(needed)];
  if (mark !== null) values.push(mark);
  if (hasLists(shapes)) values.push(marks.between, marks.none);
  let next = 0;
  for (const shape of shapes) {
    const given = groups[next];
    const isGiven = given?.table === shape.table && given.op === shape.op;
    if (isGiven) next++;
    if (!pushValues(values, shape, isGiven ? given : undefined, marks)) return null;
  }
  return values;
}

function textsFor({ family }: Table): Texts {
  const texts = textsOf.get(family) ?? new Texts();
  textsOf.set(family, texts);
  return texts;
}

function shapeFor(groups: readonly Group[], isKept: boolean, isBlind: boolean, isMarked: boolean): Shape {
  const [first] = groups;
  const textOfGroups = (shapes: readonly GroupShape[]) => textOf(shapes, isBlind, isMarked);
  if (!first) return { groups, text: textOfGroups(groups) };
  const texts = textsFor(first.table);
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
