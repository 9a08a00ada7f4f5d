/**
 * Tells a database that is older than its ledger file (one that was restored, or that a lagging standby took over), and
 * a file that is older than its database.
 */
import type { LedgerSink } from '../../ports/ledger-sink.js';
import { withDeadline } from '../../timers.js';
import { hashOfLine, ledgerMark } from './file-lines.js';
import { type ReadTools, rowsOf } from './pages.js';

/** Four of the longest lines, and thousands of common ones. */
const TAIL_BYTES = 1024 * 1024;
const LATER_TAIL_BYTES = 16 * TAIL_BYTES;
const LINES_MAX = 200;
/** So few that their lines are among the last ones, in whichever order processes wrote them. */
const NEWEST = 50;
const FLUSH_MS = 1_000;
const NEWLINE = 0x0a;

interface Line {
  readonly id: string;
  readonly hash: string;
}

/** The ledger's mirror and the database, compared by the ends of both. */
export interface FileAge {
  /**
   * The ids of entries that the last lines of the file have and the database lacks, in the order of the lines. A line
   * is written after its entry is committed, so the database had them once.
   */
  readonly lost: readonly string[];
  /** The hashes of new entries that the file lacks: of a process that died, or that has no such file. */
  readonly lacked: readonly string[];
}

export async function compareEnds(tools: ReadTools, sink: LedgerSink, ledgerId: string): Promise<FileAge> {
  if (!sink.tail) return { lost: [], lacked: [] };
  await flushed(sink);
  const lines = lastLines(Buffer.from(await sink.tail(TAIL_BYTES)), ledgerId);
  const last = lines.slice(-LINES_MAX);
  const { timeoutMs } = tools;
  const newest = { index: 'time', direction: 'desc', limit: NEWEST } as const;
  const [rows, { rows: entries }] = await Promise.all([
    rowsOf(
      tools,
      'entry',
      last.map(({ id }) => id),
    ),
    tools.tables.find('entry', newest, { timeoutMs }),
  ]);
  return {
    lost: last.filter(({ hash }, i) => rows[i]?.hash !== hash).map(({ id }) => id),
    lacked: lackedBy(
      lines,
      entries.flatMap(({ hash }) => hash ?? []),
    ),
  };
}

/** Whether the last lines of the file have all these hashes, however much was written meanwhile. */
export async function isWritten(sink: LedgerSink, ledgerId: string, hashes: readonly string[]): Promise<boolean> {
  await flushed(sink);
  const bytes = (await sink.tail?.(LATER_TAIL_BYTES)) ?? new Uint8Array();
  return lackedBy(lastLines(Buffer.from(bytes), ledgerId), hashes).length === 0;
}

/** A disk that hangs must not keep a process from starting. A sink that cannot write says so by itself. */
async function flushed(sink: LedgerSink): Promise<void> {
  await withDeadline(sink.flush(), FLUSH_MS, () => new Error('late')).catch(() => {});
}

function lackedBy(lines: readonly Line[], hashes: readonly string[]): readonly string[] {
  const written = new Set(lines.map(({ hash }) => hash));
  return hashes.filter((hash) => !written.has(hash));
}

/** The last whole lines of this ledger. The first line of the bytes may be half of one. */
function lastLines(bytes: Buffer, ledgerId: string): Line[] {
  const mark = ledgerMark(ledgerId);
  const found: Line[] = [];
  for (let end = bytes.lastIndexOf(NEWLINE); end > 0; ) {
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
