/** Looks one by one at those lines of the file that no entry was matched with. */
import { hashOfLine, type LineIndex, ledgerMark, linesOf, piecesOf } from './file-lines.js';
import type { VerifyTools } from './pages.js';
import { lineOf } from './pages.js';
import type { Problems } from './problems.js';

const LINES_AT_ONCE = 200;
const ID = /^\{"id":"([^"\\]{1,300})"/;
const ID_LENGTH_MAX = 300;
const ID_BYTES_MAX = 1_300;
const BEGINNING = '{"id":"';
const AFTER_ID = ',"event_type":"';
const BYTE_ORDER_MARK = '\ufeff';

type Suspect = {
  readonly value: Record<string, unknown> | null;
  readonly isWhole: boolean;
  readonly bytes: Buffer;
  readonly number: number;
  readonly id: string | null;
};

/**
 * Reports the lines that are wrong: the line's entry does not exist, the line differs from its entry, or it cannot be
 * read. Counts foreign lines in the index, and answers the number of torn pieces.
 */
export async function classifyLines(index: LineIndex, tools: VerifyTools, userId: string | undefined): Promise<number> {
  const { sink, ledgerId, signal } = tools;
  const { hashes } = index;
  // When only one user was verified, the lines of all others are unmarked, so marks do not show that the file is sound.
  const isPlain = index.odd === 0 && !index.hasTail && hashes.marked === hashes.size;
  if (!sink || (userId === undefined && isPlain)) return 0;
  const mark = ledgerMark(ledgerId);
  const theirs = userId === undefined ? null : Buffer.from(`"user_id":${JSON.stringify(userId)}`);
  let torn = 0;
  let suspects: Suspect[] = [];
  const judge = async () => {
    torn += await judgeAll(suspects, index, tools);
    suspects = [];
  };
  for await (const line of linesOf(sink, 0)) {
    signal?.throwIfAborted();
    const pieces = piecesOf(line.bytes);
    for (const piece of pieces) {
      const carried = hashOfLine(piece);
      if (piece.length === 0 || (carried !== null && pieces.length === 1 && hashes.isMarked(carried))) continue;
      if (carried !== null && !piece.includes(mark)) continue;
      if (theirs && !piece.includes(theirs)) continue;
      const value = parseObject(piece.toString('utf8'));
      if (value && userId !== undefined && value.user_id !== userId) continue;
      const given = value ? value.id : ID.exec(piece.toString('utf8', 0, ID_BYTES_MAX))?.[1];
      const id = typeof given === 'string' && given.length <= ID_LENGTH_MAX ? given : null;
      const isWhole = line.ended && pieces.length === 1;
      suspects.push({ bytes: Buffer.from(piece), value, isWhole, number: line.number, id });
    }
    if (suspects.length >= LINES_AT_ONCE) await judge();
  }
  await judge();
  return torn;
}

/** Answers the number of torn pieces among the suspects. The others are reported as problems, or counted as foreign. */
async function judgeAll(suspects: readonly Suspect[], index: LineIndex, tools: VerifyTools): Promise<number> {
  const { tables, ledgerId, problems, timeoutMs } = tools;
  const ids = suspects.flatMap(({ id }) => (id === null ? [] : [id]));
  const rows = await tables.getMany('entry', ids, { timeoutMs });
  const entries = new Map(rows.flatMap((row) => (row ? [[row.id, row] as const] : [])));
  let torn = 0;
  for (const suspect of suspects) {
    const entry = suspect.id === null ? undefined : entries.get(suspect.id);
    const expected = entry ? Buffer.from(lineOf(entry, ledgerId).slice(0, -1)) : null;
    const kind = kindOf(suspect, expected, ledgerId);
    if (kind === 'torn') torn++;
    else if (kind === 'foreign') index.foreign++;
    else if (kind !== 'same') report(problems, kind, suspect);
  }
  return torn;
}

type LineKind = 'torn' | 'foreign' | 'same' | 'file_differs' | 'file_unknown' | 'file_damaged';

function kindOf({ bytes, value, isWhole, id }: Suspect, expected: Buffer | null, ledgerId: string): LineKind {
  if (expected?.equals(bytes)) return isWhole ? 'same' : 'torn';
  const text = bytes.toString('utf8');
  if (value) {
    if (value.ledger_id !== ledgerId) return 'foreign';
    return expected === null ? 'file_unknown' : 'file_differs';
  }
  if (expected?.subarray(0, bytes.length).equals(bytes)) return 'torn';
  // The piece ends before its id does, or the database does not know the id, which may be another ledger's.
  if (id === null && (BEGINNING.startsWith(text) || /^\{"id":"[^"\\]*$/.test(text))) return 'torn';
  if (id !== null && !expected && isBeginning(text, id) && !bytes.includes(ledgerMark(ledgerId))) return 'torn';
  if (text === BYTE_ORDER_MARK) return 'torn';
  return expected === null ? 'file_damaged' : 'file_differs';
}

function report(problems: Problems, kind: 'file_differs' | 'file_unknown' | 'file_damaged', suspect: Suspect): void {
  const line = `line ${suspect.number}`;
  if (kind === 'file_damaged') problems.add(kind, line, 'The line cannot be read.');
  else if (kind === 'file_unknown') problems.add(kind, suspect.id ?? line, `${line}: the database has no such entry.`);
  else problems.add(kind, suspect.id ?? line, `${line}: not what the entry says.`);
}

/** Whether a text may be the beginning of an entry's line with this id. */
function isBeginning(text: string, id: string): boolean {
  const rest = text.slice(BEGINNING.length + id.length + 1);
  return rest.startsWith(AFTER_ID) || AFTER_ID.startsWith(rest);
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
