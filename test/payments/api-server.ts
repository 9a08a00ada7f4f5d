/** A local HTTP server that plays a provider's API: it keeps its requests, and fails when it is told to. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export interface ApiReply {
  readonly status: number;
  readonly body: unknown;
}

/**
 * The answers of requests to come: a reply in place of the right one, no answer at all before or after the effect, or
 * a connection that is cut.
 */
export type Fault = ApiReply | 'hang' | 'hang after the effect' | 'cut' | 'cut after the effect';

export abstract class ApiServer {
  readonly requests: ApiRequest[] = [];
  readonly #faults: Fault[] = [];
  readonly #server: Server = createServer((request, response) => void this.#serve(request, response));

  protected abstract answer(request: ApiRequest): ApiReply;

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The next requests fail so, one after the other. */
  failNext(...faults: readonly Fault[]): void {
    this.#faults.push(...faults);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const url = new URL(incoming.url ?? '/', 'http://localhost');
    const request = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      text: Buffer.concat(parts).toString(),
    };
    this.requests.push(request);
    const fault = this.#faults.shift();
    if (fault === 'hang') return;
    if (fault === 'cut') return void incoming.socket.destroy();
    const reply = typeof fault === 'object' ? fault : this.answer(request);
    if (fault === 'hang after the effect') return;
    if (fault === 'cut after the effect') return void incoming.socket.destroy();
    response.writeHead(reply.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(reply.body));
  }
}

/** A webhook as it comes to the host. */
export interface Webhook {
  readonly body: Uint8Array;
  readonly headers: Headers;
}
