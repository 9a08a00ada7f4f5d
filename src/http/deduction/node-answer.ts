/**
 * Follows an answer of Node.js to its end. Its bytes pass unchanged and at once; an answer that is ended in one step
 * waits for its settlement, so that it can tell what was deducted.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answered, type Charge, DEDUCTED } from './credit-gate.js';
import { BodyCopy } from './usage.js';

type Arguments = readonly unknown[];
type Method = (...args: Arguments) => unknown;

/** The methods of a response that write it, and those that change its head. */
const WRITERS = ['writeHead', 'write', 'end', 'flushHeaders'] as const;
const SETTERS = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const;

/** Whether the client has left. */
export function isGone(request: IncomingMessage, response: ServerResponse): boolean {
  return response.destroyed || request.socket?.destroyed === true;
}

/**
 * Settles a charge when the answer is over: ended, or cut off. `response` may be one of HTTP/2 as well. Events of the
 * request and the response run in its usage context.
 */
export function followAnswer(request: IncomingMessage, response: ServerResponse, charge: Charge): void {
  for (const emitter of [request, response]) {
    const emit = emitter.emit as Method;
    // A parser's or a socket's event comes from outside the context in which its listener was added.
    emitter.emit = ((...args: Arguments) => charge.usages.run(() => emit.apply(emitter, args as []))) as never;
  }
  new FollowedAnswer(request, response, charge);
}

class FollowedAnswer {
  /** Nothing was sent; the answer is under way; it waits for the settlement; everything passes again. */
  #state: 'open' | 'begun' | 'settling' | 'over' = 'open';
  /** Whether the handler has written the head, which is sent with the first byte. */
  #hasHead = false;
  #isCopied: boolean | null = null;
  readonly #body = new BodyCopy();
  readonly #original: Record<(typeof WRITERS)[number] | 'setHeader', Method>;

  constructor(
    request: IncomingMessage,
    readonly response: ServerResponse,
    readonly charge: Charge,
  ) {
    const methods = [...WRITERS, ...SETTERS].filter((name) => name in response);
    this.#original = Object.fromEntries(
      methods.map((name) => [name, (response[name] as Method).bind(response)]),
    ) as never;
    const left = () => {
      forgetSocket();
      if (this.#state === 'open') charge.leave(this.#answered());
      else void charge.settle(this.#answered());
    };
    response.once('close', left);
    // A handler may take the socket for itself: an upgrade, a tunnel. The response is not told of its end then.
    const forgetSocket = onSocketClose(request.socket, left);
    for (const name of SETTERS) if (name in response) this.#guard(name);
    this.#override('writeHead', (...args) => this.#writeHead(args));
    this.#override('flushHeaders', () => this.#flushHeaders());
    this.#override('write', (...args) => this.#write(args));
    this.#override('end', (...args) => this.#end(args));
  }

  /**
   * Frameworks take an answer for given once it was ended. What an error handler adds then is not sent; it may come
   * long after the end, because it waits for the request's body.
   */
  #guard(name: (typeof SETTERS)[number]): void {
    const original = (this.#original as Record<string, Method>)[name] as Method;
    this.#override(name, (...args) => (this.response.writableEnded ? this.response : original(...args)));
  }

  #writeHead(args: Arguments): unknown {
    if (this.#state === 'settling') return this.response;
    if (this.#state !== 'open' || isRefused(args[0], args[1])) return this.#original.writeHead(...args);
    takeHead(this.response, args);
    this.#hasHead = true;
    // As it is once a head was written.
    tell(this.response, 'headersSent', true);
    return this.response;
  }

  #flushHeaders(): unknown {
    if (this.#state === 'settling') return undefined;
    this.#begin();
    return this.#original.flushHeaders();
  }

  #write(args: Arguments): unknown {
    if (this.#state === 'settling') return false;
    this.#begin();
    this.#copy(args);
    return this.#original.write(...args);
  }

  #end(args: Arguments): unknown {
    if (this.#state === 'settling') return this.response;
    if (this.#state === 'over') return this.response.writableEnded ? this.response : this.#original.end(...args);
    const [chunk, encoding] = args;
    // These throw, and the handler has to see it while it can still answer.
    if (isChunk(chunk) && typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) {
      return this.#original.end(...args);
    }
    const { statusCode } = this.response;
    if (this.#state === 'open' && isRefused(statusCode, this.#statusMessage)) this.#original.writeHead(statusCode);
    if (isChunk(chunk)) this.#copy(args);
    const done = args.filter((arg) => typeof arg === 'function');
    if (this.#state === 'open') {
      void this.#endWith(args, true);
      return this.response;
    }
    if (isChunk(chunk)) this.#original.write(chunk, ...(typeof encoding === 'string' ? [encoding] : []));
    void this.#endWith(done, false);
    return this.response;
  }

  /** HTTP/2 has none, and warns whoever asks. */
  get #statusMessage(): string {
    return this.response.req?.httpVersionMajor === 2 ? '' : this.response.statusMessage;
  }

  /** The head goes on its way. */
  #begin(): void {
    if (this.#state !== 'open') return;
    this.#state = 'begun';
    this.#sendHead();
  }

  #sendHead(): void {
    forget(this.response, 'headersSent');
    const message = this.#statusMessage;
    if (this.#hasHead) this.#original.writeHead(this.response.statusCode, ...(message ? [message] : []));
    this.#hasHead = false;
  }

  async #endWith(args: Arguments, isWhole: boolean): Promise<void> {
    const { response } = this;
    const [{ statusCode }, statusMessage] = [response, this.#statusMessage];
    this.#state = 'settling';
    tell(response, 'writableEnded', true);
    const deducted = await this.charge.settle(this.#answered());
    forget(response, 'writableEnded');
    this.#state = 'over';
    try {
      if (isWhole) {
        response.statusCode = statusCode;
        if (statusMessage) response.statusMessage = statusMessage;
        if (deducted !== null) this.#original.setHeader(DEDUCTED, String(deducted));
        this.#sendHead();
      }
      this.#original.end(...args);
    } catch (error) {
      // Its head is none that Node.js can write, which the handler cannot be told any more.
      response.destroy(error as Error);
    }
  }

  #copy([chunk, encoding]: Arguments): void {
    this.#isCopied ??= this.charge.wantsBody(textOf(this.response.getHeader('content-type')));
    if (!this.#isCopied) return;
    if (typeof chunk === 'string') this.#body.add(Buffer.from(chunk, encoding as BufferEncoding));
    else if (chunk instanceof Uint8Array) this.#body.add(chunk);
  }

  #answered(): Answered {
    const header = (name: string) => textOf(this.response.getHeader(name));
    return { status: this.response.statusCode, header, body: this.#isCopied ? this.#body.whole : null };
  }

  #override(name: (typeof WRITERS)[number] | (typeof SETTERS)[number], method: Method): void {
    Object.defineProperty(this.response, name, { value: method, writable: true, configurable: true, enumerable: true });
  }
}

/** Keeps a head until it is written. @throws what Node.js throws for a header that it cannot send */
function takeHead(response: ServerResponse, [status, ...rest]: Arguments): void {
  response.statusCode = Number(status);
  if (typeof rest[0] === 'string') response.statusMessage = rest.shift() as string;
  const headers = rest[1] ?? rest[0];
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value as string);
    return;
  }
  const flat: string[] = Array.isArray(headers[0]) ? headers.flat() : headers;
  for (let at = 0; at < flat.length; at += 2) response.removeHeader(flat[at] as string);
  for (let at = 0; at < flat.length; at += 2) response.appendHeader(flat[at] as string, flat[at + 1] as string);
}

/** Whether Node.js refuses a status line. */
function isRefused(status: unknown, message: unknown): boolean {
  const code = Number(status) | 0;
  return code < 100 || code > 999 || (typeof message === 'string' && /[^\t -~\u0080-\u00ff]/.test(message));
}

const onClose = new WeakMap<object, Set<() => void>>();

/** One listener for all requests of a connection, of which a client may send many at once. */
function onSocketClose(socket: IncomingMessage['socket'] | null, call: () => void): () => void {
  if (!socket) return () => {};
  const calls = onClose.get(socket) ?? new Set();
  if (!onClose.has(socket)) {
    onClose.set(socket, calls);
    socket.once('close', () => {
      for (const one of calls) one();
    });
  }
  calls.add(call);
  return () => calls.delete(call);
}

function tell(response: ServerResponse, name: 'headersSent' | 'writableEnded', value: boolean): void {
  Object.defineProperty(response, name, { get: () => value, configurable: true });
}

function forget(response: ServerResponse, name: 'headersSent' | 'writableEnded'): void {
  delete (response as { headersSent?: boolean; writableEnded?: boolean })[name];
}

function isChunk(value: unknown): boolean {
  return value !== undefined && value !== null && typeof value !== 'function';
}

function textOf(value: number | string | readonly string[] | undefined): string | null {
  return value === undefined ? null : String(value);
}
