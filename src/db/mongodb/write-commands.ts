/**
 * Turns units into the commands that write them: one for each collection and kind of change, or a few where they are
 * large.
 */
import type { Document } from './driver-types.js';
import type { DocumentChange, DocumentUnit } from './units.js';

export interface Bulk {
  readonly command: Document;
  /** The number of documents that the command must find or make. */
  readonly count: number;
}

/** A command holds at most 16 MiB; at three bytes a character this leaves room for everything that is not text. */
const CHARS_MAX = 4 * 2 ** 20;
/** The rough size of a document apart from its text. */
const OVERHEAD_CHARS = 512;
/** The server's limit for one command. */
const CHANGES_MAX = 50_000;

/** A delete makes room for an update, and that for an insert. */
const ORDER = ['delete', 'replace', 'insert'] as const;

/**
 * The commands that write these units. `isGuarded`: the versions were read in the transaction that the commands run in.
 * Nobody can have changed a document since without a write conflict, so its key is enough to find it, and by the key
 * alone the server needs no query plan (measured: 16 % of the update).
 */
export function bulksOf(units: readonly DocumentUnit[], isGuarded: boolean): Bulk[] {
  const groups = new Map<string, DocumentChange[]>();
  for (const { changes } of units) {
    for (const change of changes) {
      const name = `${ORDER.indexOf(change.op)} ${change.collection.name}`;
      const group = groups.get(name);
      if (group) group.push(change);
      else groups.set(name, [change]);
    }
  }
  // Each transaction takes collections in the same order.
  const ordered = [...groups.keys()].sort().map((name) => groups.get(name) as DocumentChange[]);
  return ordered.flatMap((group) => chunked(group).map((chunk) => bulkOf(chunk, isGuarded)));
}

function bulkOf(changes: readonly DocumentChange[], isGuarded: boolean): Bulk {
  const [{ op, collection }] = changes as [DocumentChange];
  const count = changes.length;
  if (op === 'insert') {
    const documents = changes.map((change) => (change.op === 'insert' ? change.document : null));
    return { command: { insert: collection.name, ordered: true, documents }, count };
  }
  const selector = (change: DocumentChange) =>
    change.op === 'insert' || isGuarded ? { _id: change.key } : { _id: change.key, version: change.expectedVersion };
  if (op === 'delete') {
    const deletes = changes.map((change) => ({ q: selector(change), limit: 1 }));
    return { command: { delete: collection.name, ordered: true, deletes }, count };
  }
  const updates = changes.map((change) => ({
    q: selector(change),
    u: change.op === 'replace' ? change.collection.updateTo(change.document, change.unchanged) : null,
  }));
  return { command: { update: collection.name, ordered: true, updates }, count };
}

function chunked(changes: readonly DocumentChange[]): DocumentChange[][] {
  const chunks: DocumentChange[][] = [];
  let chunk: DocumentChange[] = [];
  let chars = 0;
  for (const change of changes) {
    const size = sizeOf(change);
    if (chunk.length > 0 && (chars + size > CHARS_MAX || chunk.length === CHANGES_MAX)) {
      chunks.push(chunk);
      chunk = [];
      chars = 0;
    }
    chunk.push(change);
    chars += size;
  }
  return [...chunks, chunk];
}

function sizeOf(change: DocumentChange): number {
  let chars = OVERHEAD_CHARS + change.key.length;
  if (change.op === 'delete') return chars;
  for (const value of Object.values(change.document)) {
    if (typeof value === 'string') chars += value.length;
  }
  return chars;
}
