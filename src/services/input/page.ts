/** Cuts pages from an index of rows, or from a list inside an account document that is ordered by rank. */
import { sha256 } from '../../core/canonical-json.js';
import { creditError } from '../../errors.js';
import type { ListOptions } from '../../models/inputs/credits.js';
import type { Json, Page } from '../../models/values.js';
import type { FindQuery } from '../../ports/db-manager.js';

type Rank = readonly (number | string)[];

/** The number of rows on a page when the caller gives no limit. */
export const PAGE = 20;

/** Hex digits that tell lists apart. */
const LIST_CHARS = 16;

/**
 * The cursors of one list, told from those of all others by its verb and by what it selects. A place in one list says
 * nothing about another one: pages would be skipped without a word.
 */
export class ListCursors {
  readonly #list: string;

  constructor(verb: string, selected: Readonly<Record<string, Json | undefined>>) {
    this.#list = sha256(JSON.stringify([verb, selected])).slice(0, LIST_CHARS);
  }

  /** The place that a caller's cursor stands for. @throws INVALID_ARGUMENT for a cursor of another list */
  placeOf(cursor: string): string {
    if (!cursor.startsWith(this.#list)) throw badCursor();
    return cursor.slice(LIST_CHARS);
  }

  /** The cursor for a place; null after the last page. */
  cursorOf(place: string | null): string | null {
    return place && this.#list + place;
  }
}

/** The query fields of one page: limit, direction and cursor. Newest comes first unless the caller says otherwise. */
export function stepsOf(
  { limit = PAGE, cursor, order }: ListOptions,
  cursors: ListCursors,
): Pick<FindQuery, 'limit' | 'after'> & Required<Pick<FindQuery, 'direction'>> {
  const direction = order === 'oldest' ? 'asc' : 'desc';
  return { limit, direction, ...(cursor !== undefined && { after: cursors.placeOf(cursor) }) };
}

/** The items after the cursor, in ascending rank. Every item needs a rank of its own. */
export function pageOf<T>(
  items: readonly T[],
  { limit = PAGE, cursor }: ListOptions,
  cursors: ListCursors,
  rankOf: (item: T) => Rank,
): Page<T> {
  const after = cursor === undefined ? null : decode(cursors.placeOf(cursor));
  const ranked = items
    .map((item) => ({ item, rank: rankOf(item) }))
    .filter(({ rank }) => after === null || compare(rank, after) > 0)
    .sort((a, b) => compare(a.rank, b.rank));
  const page = ranked.slice(0, limit);
  const last = ranked.length > limit ? page.at(-1) : undefined;
  const place = last ? Buffer.from(JSON.stringify(last.rank)).toString('base64url') : null;
  return { items: page.map(({ item }) => item), nextCursor: cursors.cursorOf(place) };
}

function compare(a: Rank, b: Rank): number {
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number | string;
    const y = b[i] as number | string;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

function decode(cursor: string): Rank {
  try {
    const rank: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const isRank = Array.isArray(rank) && rank.every((part) => typeof part === 'number' || typeof part === 'string');
    if (isRank) return rank;
  } catch {
    // This list did not make the cursor, so the error below refuses it.
  }
  throw badCursor();
}

function badCursor() {
  return creditError('INVALID_ARGUMENT', 'The cursor is not one that this list handed out.', {
    path: 'cursor',
    expected: 'the nextCursor of an earlier page of the same list',
  });
}
