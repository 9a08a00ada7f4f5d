/**
 * The texts of the money statement that connections keep. A prepared statement of it takes up to a megabyte of each of
 * the server's backends, and every combination of tables, operations and forms of values would be another one. So there
 * are few: a batch takes a text that can carry it, with nothing for the tables that it does not change. A combination
 * that comes again and again gets a text of its own, as long as there is room.
 */
import type { TableChange } from '../dialect.js';
import type { Table } from '../table.js';
import type { Form } from './value-forms.js';

/** The changes of one kind to one table, as a text carries them. */
export interface GroupShape {
  readonly table: Table;
  readonly op: TableChange['op'];
  /** Whether it is one change at most. Its values need no lists then: that halves the server's work for it. */
  readonly isOne: boolean;
  /** The forms of all columns but the key, in their order. */
  readonly forms: readonly Form[];
}

export interface Shape {
  readonly groups: readonly GroupShape[];
  readonly text: string;
}

export type TextOf = (groups: readonly GroupShape[]) => string;

const SHAPES_MAX = 10;
/** A combination has to come so often before it gets a text of its own. */
const WISHES_MIN = 8;
const WISHES_MAX = 500;
/** A text that was not used for so many statements makes room. */
const FORGET_AFTER = 2_000;

/** The texts of one kind of statement on the tables of one manager. */
export class WriteShapes {
  /** When each text was used last, counted in statements. */
  readonly #usedAt = new Map<Shape, number>();
  readonly #wishes = new Map<string, number>();
  #uses = 0;

  /** The text that carries these groups at the least cost. Groups of a text are ordered by {@link nameOf}. */
  shapeFor(wanted: readonly GroupShape[], textOf: TextOf): Shape {
    this.#uses++;
    let best: Shape | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const shape of this.#usedAt.keys()) {
      const cost = costOf(shape.groups, wanted);
      if (cost < least) [best, least] = [shape, cost];
    }
    if (best === null) return this.#add(this.#widened(wanted), textOf);
    if (least > 0 && this.#isWished(wanted)) return this.#add(wanted, textOf);
    this.#usedAt.set(best, this.#uses);
    return best;
  }

  /** Whether a text that was found before may be used once more: it may have made room for others. */
  use(shape: Shape): boolean {
    if (!this.#usedAt.has(shape)) return false;
    this.#usedAt.set(shape, ++this.#uses);
    return true;
  }

  /** Whether these groups have come often enough, and there is room. */
  #isWished(wanted: readonly GroupShape[]): boolean {
    const key = keyOf(wanted);
    const wishes = (this.#wishes.get(key) ?? 0) + 1;
    if (this.#wishes.size >= WISHES_MAX) this.#wishes.clear();
    this.#wishes.set(key, wishes);
    if (wishes < WISHES_MIN) return false;
    const unused = this.#uses - Math.min(...this.#usedAt.values());
    return this.#usedAt.size < SHAPES_MAX || unused > FORGET_AFTER;
  }

  #add(groups: readonly GroupShape[], textOf: TextOf): Shape {
    if (this.#usedAt.size >= SHAPES_MAX) {
      const [first] = [...this.#usedAt].sort(([, a], [, b]) => a - b);
      if (first) this.#usedAt.delete(first[0]);
    }
    const shape = { groups, text: textOf(groups) };
    this.#usedAt.set(shape, this.#uses);
    return shape;
  }

  /** Groups that no text can carry get a text with lists. Without room for it, the text with the most groups grows. */
  #widened(wanted: readonly GroupShape[]): readonly GroupShape[] {
    const groups = wanted.map((group) => ({ ...group, forms: group.forms.map((): Form => 'list') }));
    if (this.#usedAt.size < SHAPES_MAX) return groups;
    const [widest] = [...this.#usedAt.keys()].sort((a, b) => b.groups.length - a.groups.length);
    if (widest) this.#usedAt.delete(widest);
    return union(groups, widest?.groups ?? []);
  }
}

export function nameOf({ op, table }: Pick<GroupShape, 'op' | 'table'>): string {
  return `${op} ${table.name}`;
}

export function keyOf(groups: readonly GroupShape[]): string {
  return groups.map((group) => `${nameOf(group)} ${group.isOne} ${group.forms.join()}`).join('\n');
}

/** The values that a text sends needlessly for these groups; infinite where it cannot carry them. */
function costOf(shape: readonly GroupShape[], wanted: readonly GroupShape[]): number {
  let cost = 0;
  let next = 0;
  for (const group of shape) {
    const given = wanted[next];
    if (given?.table !== group.table || given.op !== group.op) {
      cost += 3 + group.forms.length;
      continue;
    }
    next++;
    if (group.isOne && !given.isOne) return Number.POSITIVE_INFINITY;
    if (given.isOne && !group.isOne) cost += 3 + group.forms.length;
    for (const [i, form] of group.forms.entries()) {
      if (form === given.forms[i]) continue;
      if (form !== 'list') return Number.POSITIVE_INFINITY;
      cost++;
    }
  }
  return next === wanted.length ? cost : Number.POSITIVE_INFINITY;
}

/** Groups that carry both. */
function union(some: readonly GroupShape[], others: readonly GroupShape[]): readonly GroupShape[] {
  const byName = new Map(some.map((group) => [nameOf(group), group]));
  for (const group of others) {
    const same = byName.get(nameOf(group));
    const forms = group.forms.map((form, i): Form => (!same || form === same.forms[i] ? form : 'list'));
    byName.set(nameOf(group), { ...group, isOne: group.isOne && same?.isOne !== false, forms });
  }
  return [...byName.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}
