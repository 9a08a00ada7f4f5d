/** Reads usage out of an answer. The body and the headers are not trusted: what is no plain number is no usage. */
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

/** Bytes of an answer that are read for its usage, packed and unpacked. */
export const BODY_BYTES = 1024 * 1024;

const DECIMAL = /^[0-9]{1,40}(\.[0-9]{1,40})?$/;

/** A finite number of at least 0, of itself or of a plain decimal text; else NaN. */
export function decimalIn(value: unknown): number {
  const number = typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : Number.NaN;
}

/** Whether an answer with this content type has a body that usage is read from. */
export function isJson(contentType: string | null): boolean {
  return /^application\/json *(;|$)/i.test(contentType ?? '');
}

/** Node.js 22.15 and later has it, and servers offer it to clients. */
const newer = zlib as { zstdDecompress?: typeof zlib.gunzip };

const UNPACK: Readonly<Record<string, (bytes: Uint8Array, limit: { maxOutputLength: number }) => Promise<Uint8Array>>> =
  {
    identity: async (bytes) => bytes,
    gzip: promisify(zlib.gunzip),
    'x-gzip': promisify(zlib.gunzip),
    deflate: promisify(zlib.inflate),
    br: promisify(zlib.brotliDecompress),
    ...(newer.zstdDecompress && { zstd: promisify(newer.zstdDecompress) }),
  };

/**
 * The usage at a path of a JSON body; null where there is none. `encoding` is the content encoding, and only objects'
 * own properties count.
 */
export async function usageInBody(bytes: Uint8Array, encoding: string | null, key: string): Promise<number | null> {
  const unpack = UNPACK[(encoding ?? 'identity').trim().toLowerCase()];
  if (!unpack || bytes.byteLength === 0 || bytes.byteLength > BODY_BYTES) return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await unpack(bytes, { maxOutputLength: BODY_BYTES }));
    let value: unknown = JSON.parse(text);
    for (const name of key.split('.')) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
      value = (value as Record<string, unknown>)[name];
    }
    return known(decimalIn(value));
  } catch {
    return null;
  }
}

/** The usage in a header; null where there is none. */
export function usageInHeader(value: string | null): number | null {
  return known(decimalIn(value));
}

function known(usage: number): number | null {
  return Number.isNaN(usage) ? null : usage;
}

/** Copies the body of an answer as it passes, as far as usage is read from it. */
export class BodyCopy {
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  add(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes <= BODY_BYTES) this.#chunks.push(chunk);
    else this.#chunks = [];
  }

  /** The whole body; null where it was too large. */
  get whole(): Uint8Array | null {
    return this.#bytes <= BODY_BYTES ? Buffer.concat(this.#chunks) : null;
  }
}
