/** A guarded server with a memory of what was asked of it. */
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { onTestFinished } from 'vitest';
import { createTestCredits } from '../../../src/entries/testing.js';
import type { CreditService } from '../../../src/index.js';
import { QUIET } from '../../support/quiet.js';
import { type Framework, type Handle, type Options, type Served, serve } from './frameworks.js';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  readonly text: string;
}

export interface World extends Served {
  readonly credits: CreditService<never>;
  /** Paths that reached the handler. */
  readonly calls: string[];
  /** Sends a request whose path goes on the wire as it is. */
  send(path: string, headers?: OutgoingHttpHeaders, body?: string, method?: string): Promise<Answer>;
  /** Sends it as the user `u`. */
  asUser(path: string, headers?: OutgoingHttpHeaders, body?: string): Promise<Answer>;
}

type Given = Partial<Options> & { readonly credits?: never };

/** A server of a framework, and 1,000 credits for the user `u`. */
export async function worldOf(
  framework: Framework,
  given: Given | ((manager: ReturnType<typeof createTestCredits>) => object),
  handle: Handle,
  manager = createTestCredits(),
): Promise<World> {
  onTestFinished(() => manager.close());
  const credits = manager.credits as never as CreditService<never>;
  await credits.addCredits('u', 1000);
  const options = typeof given === 'function' ? given(manager) : given;
  const calls: string[] = [];
  const listener = await framework.listener({ credits, logger: QUIET, ...options } as Options, (seen) => {
    calls.push(seen.path);
    return handle(seen);
  });
  const served = await serve(listener);
  onTestFinished(served.close);
  const send: World['send'] = (path, headers, body, method = body === undefined ? 'GET' : 'POST') =>
    answerOf(served.url, path, headers, body, method);
  return {
    ...served,
    credits,
    calls,
    send,
    asUser: (path, headers, body) => send(path, { 'x-user-id': 'u', ...headers }, body),
  };
}

function answerOf(
  url: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
  body: string | undefined,
  method: string,
) {
  return new Promise<Answer>((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const request = httpRequest({ hostname, port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString() });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** No hold, and so many credits: what a request must leave behind. */
export async function left(credits: CreditService<never>, userId = 'u') {
  const { balance, reserved } = await credits.getUserCreditsInfo(userId);
  return { balance, reserved };
}
