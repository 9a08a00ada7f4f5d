/** Servers of Node.js with the middleware, and 100 credits for the user `u`. */
import type { createServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2Server } from 'node:http2';
import { createRequire } from 'node:module';
import { type AddressInfo, connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { createTestCredits } from '../../../src/entries/testing.js';
import { addLlmUsage, type LoggerLike } from '../../../src/index.js';
import { QUIET } from '../../support/quiet.js';

export type Express = (() => { use(...handlers: unknown[]): void } & ((
  q: IncomingMessage,
  s: ServerResponse,
) => void)) & {
  json(): unknown;
};
export const express = createRequire(import.meta.url)('express') as Express;
export const call = (cost: number) => addLlmUsage({ model: 'm', provider: 'p', cost });

/** 100 credits for the user `u`, and the options that charge everybody as that user. */
export async function creditsOf(logger: LoggerLike = QUIET) {
  const manager = createTestCredits();
  onTestFinished(() => manager.close());
  await manager.credits.addCredits('u', 100);
  const options = {
    credits: manager.credits,
    authenticate: () => ({ userId: 'u' }),
    defaultEstimatedTokens: 10,
    logger,
  };
  const left = async () => {
    const { balance, reserved } = await manager.credits.getUserCreditsInfo('u');
    return { balance, reserved };
  };
  return { manager, options, left };
}

export async function listen(server: ReturnType<typeof createServer> | Http2Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  onTestFinished(async () => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** Everything that a server writes to a connection. */
export async function rawAnswer(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}
