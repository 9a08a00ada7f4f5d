/** Tells a database that is older than its ledger file: one that was restored, or that a lagging standby took over. */
import type { LedgerSink } from '../../ports/ledger-sink.js';
import { hashOfLine, ledgerMark } from './file-lines.js';
import { type ReadTools, rowsOf } from './pages.js';

/** Four of the longest lines, and thousands of common ones. */
const TAIL_BYTES = 1024 * 1024;
const LINES_MAX = 200;
const NEWLINE = 0x0a;

/**
 * The ids of entries that the last lines of the file have and the database lacks, in the order of the lines. A line is
 * written after its entry is committed, so the database had them once.
 */
export async function lostEntries(tools: ReadTools, sink: LedgerSink, ledgerId: string): Promise<readonly string[]> {
  if (!sink.tail) return [];
  const lines = lastLines(Buffer.from(await sink.tail(TAIL_BYTES)), ledgerId);
  const rows = await rowsOf(
    tools,
    'entry',
    lines.map(({ id }) => id),
  );
  return lines.filter(({ hash }, i) => rows[i]?.hash !== hash).map(({ id }) => id);
}

/** The last whole lines of this ledger. The first line of the bytes may be half of one. */
function lastLines(bytes: Buffer, ledgerId: string): { id: string; hash: string }[] {
  const mark = ledgerMark(ledgerId);
  const found: { id: string; hash: string }[] = [];
  for (let end = bytes.lastIndexOf(NEWLINE); end > 0 && found.length < LINES_MAX; ) {
    const start = bytes.lastIndexOf(NEWLINE, end - 1);
    const line = bytes.subarray(start + 1, end);
    const hash = hashOfLine(line);
    const id = hash !== null && line.includes(mark) ? idOf(line, ledgerId) : null;
    if (hash !== null && id !== null) found.push({ id, hash });
    end = start;
  }
  return found.reverse();
}

/** Null for a line of another ledger that names this one in its text. */
function idOf(line: Buffer, ledgerId: string): string | null {
  const { id, ledger_id: own } = JSON.parse(line.toString('utf8')) as { id?: unknown; ledger_id?: unknown };
  return typeof id === 'string' && own === ledgerId ? id : null;
}
