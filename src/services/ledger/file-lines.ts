/** Reading the ledger file: whole lines of this ledger by their hash, and everything else by what it is. */
import { hash } from 'node:crypto';
import type { LedgerSink } from '../../ports/ledger-sink.js';
import { HashSet } from './hash-set.js';

const NEWLINE = 0x0a;
const BRACE = 0x7d;
/** `,"hash":"` + 64 digits + `"}`. */
const END_BYTES = 75;
const END = /^,"hash":"([0-9a-f]{64})"}$/;
const START = Buffer.from('{"id":"');
/** More than any line has, and what is looked at of something longer. */
const MOST_BYTES = 1024 * 1024;
const SAMPLE_BYTES = 4096;
/** Times a file is read again that is being rotated. */
const ATTEMPTS = 5;

/** A line, or a last piece without its newline, and where it stands. */
export interface FileLine {
  readonly bytes: Buffer;
  /** From 1; within this reading. */
  readonly number: number;
  /** Offset of what follows it. */
  readonly end: number;
  readonly ended: boolean;
}

/** The lines from `offset` on, as the file is now. */
export async function* linesOf(sink: LedgerSink, offset: number): AsyncGenerator<FileLine> {
  let rest: Buffer = Buffer.alloc(0);
  let at = offset;
  let number = 0;
  let isTooLong = false;
  for await (const piece of sink.read(offset)) {
    const bytes = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      if (!isTooLong) yield { bytes: bytes.subarray(from, end), number: ++number, end: at + end + 1, ended: true };
      isTooLong = false;
      from = end + 1;
    }
    rest = bytes.subarray(from);
    at += from;
    if (rest.length <= MOST_BYTES) continue;
    // No line is that long: its beginning stands for it, and the rest is passed over.
    if (!isTooLong)
      yield { bytes: rest.subarray(0, SAMPLE_BYTES), number: ++number, end: at + rest.length, ended: true };
    isTooLong = true;
    at += rest.length;
    rest = Buffer.alloc(0);
  }
  if (isTooLong) return;
  if (rest.length > 0) yield { bytes: rest, number: ++number, end: at + rest.length, ended: false };
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
 * What writers put into a line: one piece, or several where one died in the middle of a line and another went on
 * behind it. Only a line of one piece counts as an entry's.
 */
export function piecesOf(line: Buffer): readonly Buffer[] {
  if (hashOfLine(line) !== null) return [line];
  for (let at = line.lastIndexOf(START); at > 0; at = line.lastIndexOf(START, at - 1)) {
    const tail = line.subarray(at);
    if (hashOfLine(tail) !== null) return [...piecesOf(line.subarray(0, at)), tail];
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
  /** Whether the file ends in a piece without its newline. */
  hasTail = false;
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
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const identity = await this.#sink.identity();
      if (identity !== this.#identity) this.#offset = 0;
      this.#identity = identity;
      for await (const line of linesOf(this.#sink, this.#offset)) {
        signal?.throwIfAborted();
        // A piece without its end may be a line that is being written: it is read again next time.
        this.hasTail = !line.ended;
        if (!line.ended) break;
        this.#offset = line.end;
        if (line.bytes.length > 0) this.#take(line.bytes);
      }
      // Rotated meanwhile: the new file from its start.
      if ((await this.#sink.identity()) === identity) return;
    }
  }

  #take(line: Buffer): void {
    this.lines++;
    const carried = hashOfLine(line);
    if (carried === null) this.odd++;
    else if (line.includes(this.#ledgerId)) this.hashes.add(carried);
    else this.foreign++;
  }
}

/** What a line of this ledger holds for certain. A line of another may hold it too, in its metadata. */
export function ledgerMark(ledgerId: string): Buffer {
  return Buffer.from(`"ledger_id":${JSON.stringify(ledgerId)}`);
}
