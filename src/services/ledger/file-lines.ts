/** Reads the lines of the ledger file: it indexes whole lines of this ledger by their hash and counts all others. */
import { hash } from 'node:crypto';
import type { LedgerSink } from '../../ports/ledger-sink.js';
import { HashSet } from './hash-set.js';

const NEWLINE = 0x0a;
const BRACE = 0x7d;
/** `,"hash":"` + 64 digits + `"}`. */
const END_BYTES = 75;
const END = /^,"hash":"([0-9a-f]{64})"}$/;
const START = Buffer.from('{"id":"');
/** No line of the library is longer. */
const READ_LINE_BYTES_MAX = 1024 * 1024;
/** The beginning that stands for a longer line. */
const SAMPLE_BYTES = 4096;
/** The most times that a file is read while another one keeps taking its place. */
const ATTEMPTS_MAX = 5;

/** A line with its place, or the last piece of the file when it has no newline. */
export interface FileLine {
  readonly bytes: Buffer;
  /** The number of the line in this reading, from 1. */
  readonly number: number;
  /** The offset in the file at which the line ends, its newline included. */
  readonly end: number;
  /** Whether it has its newline. */
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
    if (rest.length <= READ_LINE_BYTES_MAX) continue;
    // No line of the library is that long. Yield its beginning and skip the rest.
    if (!isTooLong)
      yield { bytes: rest.subarray(0, SAMPLE_BYTES), number: ++number, end: at + rest.length, ended: true };
    isTooLong = true;
    at += rest.length;
    rest = Buffer.alloc(0);
  }
  if (isTooLong) return;
  if (rest.length > 0) yield { bytes: rest, number: ++number, end: at + rest.length, ended: false };
}

/** The hash that a line carries, if it matches the line's own bytes; else null. */
export function hashOfLine(line: Buffer): string | null {
  const cut = line.length - END_BYTES;
  if (cut <= 0) return null;
  const carried = END.exec(line.toString('latin1', cut))?.[1];
  if (!carried) return null;
  // The hashed text is the line up to its hash, closed by a brace: that one byte is changed during the hashing.
  const body = line.subarray(0, cut + 1);
  const byte = body[cut] as number;
  body[cut] = BRACE;
  const actual = hash('sha256', body);
  body[cut] = byte;
  return actual === carried ? carried : null;
}

/**
 * The pieces of a line. A line has several when a writer died in the middle of it and another writer went on behind it.
 * Only a line of one piece counts as the line of an entry.
 */
export function piecesOf(line: Buffer): readonly Buffer[] {
  if (hashOfLine(line) !== null) return [line];
  for (let at = line.lastIndexOf(START); at > 0; at = line.lastIndexOf(START, at - 1)) {
    const tail = line.subarray(at);
    if (hashOfLine(tail) !== null) return [...piecesOf(line.subarray(0, at)), tail];
  }
  return [line];
}

/** The hashes of this ledger's whole lines in the file, and the numbers of all other lines. */
export class LineIndex {
  readonly hashes = new HashSet();
  /** The lines that were read, without blank ones. */
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

  /** Reads the lines appended since the last time, or from the start when another file has taken the file's place. */
  async readMore(signal?: AbortSignal): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const identity = await this.#sink.identity();
      if (identity !== this.#identity) this.#offset = 0;
      this.#identity = identity;
      for await (const line of linesOf(this.#sink, this.#offset)) {
        signal?.throwIfAborted();
        // A piece without a newline may be a line that is being written: read it again next time.
        this.hasTail = !line.ended;
        if (!line.ended) break;
        this.#offset = line.end;
        if (line.bytes.length > 0) this.#take(line.bytes);
      }
      // Another file has taken its place meanwhile: read that one from its start.
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

/** The text that every line of this ledger contains. A line of another ledger may contain it too, in its metadata. */
export function ledgerMark(ledgerId: string): Buffer {
  return Buffer.from(`"ledger_id":${JSON.stringify(ledgerId)}`);
}
