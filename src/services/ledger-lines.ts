/** Reading the ledger file: whole lines of this ledger by their hash, and everything else by what it is. */
import { hash } from 'node:crypto';
import type { LedgerSink } from '../ports/ledger-sink.js';
import { HashSet } from './hash-set.js';

const NEWLINE = 0x0a;
const BRACE = 0x7d;
/** `,"hash":"` + 64 digits + `"}`. */
const END_BYTES = 75;
const END = /^,"hash":"([0-9a-f]{64})"}$/;
const START = Buffer.from('{"id":"');

/** A line, or a last piece without its newline, and where it stands. */
export interface FileLine {
  readonly bytes: Buffer;
  /** From 1; within this reading. */
  readonly number: number;
  readonly offset: number;
  readonly ended: boolean;
}

/** The lines from `offset` on, as the file is now. */
export async function* linesOf(sink: LedgerSink, offset: number): AsyncGenerator<FileLine> {
  let rest: Buffer = Buffer.alloc(0);
  let at = offset;
  let number = 0;
  for await (const piece of sink.read(offset)) {
    const bytes = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      yield { bytes: bytes.subarray(from, end), number: ++number, offset: at + from, ended: true };
      from = end + 1;
    }
    rest = bytes.subarray(from);
    at += from;
  }
  if (rest.length > 0) yield { bytes: rest, number: ++number, offset: at, ended: false };
}

/** The hash a line carries, if it is that of its own bytes; else null. */
export function hashOfLine(line: Buffer): string | null {
  const cut = line.length - END_BYTES;
  if (cut <= 0) return null;
  const carried = END.exec(line.toString('latin1', cut))?.[1];
  if (!carried) return null;
  // The hashed text is the line up to its hash, closed again: one byte is changed for the time of the hashing.
  const body = line.subarray(0, cut + 1);
  const byte = body[cut] as number;
  body[cut] = BRACE;
  const actual = hash('sha256', body);
  body[cut] = byte;
  return actual === carried ? carried : null;
}

/**
 * A line as it was written: one piece, or two where a writer died in the middle of a line and another went on behind
 * it: what the first left, and a whole line.
 */
export function piecesOf(line: Buffer): readonly Buffer[] {
  if (hashOfLine(line) !== null) return [line];
  for (let at = line.indexOf(START, 1); at > 0; at = line.indexOf(START, at + 1)) {
    const tail = line.subarray(at);
    if (hashOfLine(tail) !== null) return [line.subarray(0, at), tail];
  }
  return [line];
}

/** The hashes of this ledger's whole lines in the file, and how much else there is. */
export class LineIndex {
  readonly hashes = new HashSet();
  /** Lines read, blank ones aside. */
  lines = 0;
  /** Lines of another ledger, or of something else that writes JSON here. */
  foreign = 0;
  /** Lines that have to be looked at one by one. */
  odd = 0;
  readonly #sink: LedgerSink;
  readonly #ledgerId: Buffer;
  #offset = 0;
  #identity: string | null = null;

  constructor(sink: LedgerSink, ledgerId: string) {
    this.#sink = sink;
    this.#ledgerId = ledgerMark(ledgerId);
  }

  /** Reads what was appended since the last time; from the start when another file stands at the path. */
  async readMore(signal?: AbortSignal): Promise<void> {
    const identity = await this.#sink.identity();
    if (identity !== this.#identity) this.#offset = 0;
    this.#identity = identity;
    for await (const line of linesOf(this.#sink, this.#offset)) {
      signal?.throwIfAborted();
      // A piece without its end may be a line that is being written: it is read again next time.
      if (!line.ended) return;
      this.#offset = line.offset + line.bytes.length + 1;
      if (line.bytes.length > 0) this.#take(line.bytes);
    }
  }

  #take(line: Buffer): void {
    this.lines++;
    for (const piece of piecesOf(line)) {
      const carried = hashOfLine(piece);
      if (carried === null) this.odd++;
      else if (piece.includes(this.#ledgerId)) this.hashes.add(carried);
      else this.foreign++;
    }
  }
}

/** What a line of this ledger holds for certain. A line of another may hold it too, in its metadata. */
export function ledgerMark(ledgerId: string): Buffer {
  return Buffer.from(`"ledger_id":${JSON.stringify(ledgerId)}`);
}
