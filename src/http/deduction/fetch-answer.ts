/** Follows an answer of Fetch to its end. Its bytes pass unchanged; a stream passes chunk by chunk. */
import { setImmediate } from '../../timers.js';
import { type Answered, type Charge, DEDUCTED } from './credit-gate.js';
import { BODY_BYTES, BodyCopy } from './usage.js';

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Read = ReturnType<Reader['read']>;

const NOT_YET = Symbol('not yet');

/**
 * Settles a charge when the answer is over, and gives back the answer to send. One whose body is there at once is
 * settled before it is sent and tells what was deducted, and so is JSON whose usage is read. Everything else is settled
 * at the end of its stream, or when the request aborts.
 */
export async function followResponse(
  response: Response,
  charge: Charge,
  { method, signal }: Request,
): Promise<Response> {
  const { status, headers } = response;
  const copy = new BodyCopy();
  const wantsBody = charge.wantsBody(headers.get('content-type'));
  const settle = () => {
    const answered: Answered = { status, header: (name) => headers.get(name), body: wantsBody ? copy.whole : null };
    return charge.settle(answered);
  };
  if (!response.body) return told(response, null, await settle());
  const reader = charge.usages.run(() => (response.body as ReadableStream<Uint8Array>).getReader());
  const read = () => charge.usages.run(() => reader.read());
  const chunks: Uint8Array[] = [];
  let next = read();
  let bytes = 0;
  try {
    while (bytes <= BODY_BYTES) {
      const step = await (wantsBody ? next : Promise.race([next, notYet()]));
      if (step === NOT_YET) break;
      if (step.done) return told(response, chunks, await settle());
      bytes += step.value.byteLength;
      copy.add(step.value);
      chunks.push(step.value);
      next = read();
    }
  } catch {
    // The stream below meets the same error.
  }
  if (method === 'HEAD') {
    // Nobody reads the body of an answer to HEAD, nor cancels it.
    reader.cancel().catch(() => {});
    return told(response, null, await settle());
  }
  signal.addEventListener('abort', settle, { once: true });
  if (signal.aborted) void settle();
  return remade(response, rest(reader, chunks, next, read, copy, settle));
}

/** The rest of a stream: the chunks that were read ahead, and those to come. */
function rest(
  reader: Reader,
  ahead: Uint8Array[],
  begun: Read,
  read: () => Read,
  copy: BodyCopy,
  settle: () => Promise<unknown>,
): ReadableStream<Uint8Array> {
  let next: Read | null = begun;
  // An error is told to whoever reads the stream, when they come to it.
  begun.catch(() => {});
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      const chunk = ahead.shift();
      if (chunk) return controller.enqueue(chunk);
      try {
        const { done, value } = await (next ?? read());
        next = null;
        if (!done) {
          copy.add(value);
          return controller.enqueue(value);
        }
      } catch (error) {
        await settle();
        throw error;
      }
      await settle();
      controller.close();
    },
    async cancel(reason: unknown) {
      const stopped = reader.cancel(reason);
      await settle();
      await stopped;
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** The answer with the header that tells what was deducted, where that is known. */
function told(response: Response, chunks: Uint8Array[] | null, deducted: number | null): Response {
  // An answer to an upgrade cannot be made anew.
  if (response.status === 101) return response;
  const sent = remade(response, chunks && new Uint8Array(Buffer.concat(chunks)));
  if (deducted !== null) sent.headers.set(DEDUCTED, String(deducted));
  return sent;
}

function remade({ status, statusText, headers }: Response, body: Uint8Array | ReadableStream | null): Response {
  return new Response(body as ReadableStream | null, { status, statusText, headers });
}

function notYet(): Promise<typeof NOT_YET> {
  return new Promise((resolve) => {
    setImmediate(() => resolve(NOT_YET));
  });
}
