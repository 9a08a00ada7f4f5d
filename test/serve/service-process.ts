/** The service as a process of its own, as `credit-management serve` starts it. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { forkScript } from '../support/script.js';

const CLI = new URL('../../src/entries/cli.ts', import.meta.url);
export const TOKEN = 'a-token-of-the-tests-that-nobody-else-has';
export const TOKEN_SHA256 = createHash('sha256').update(TOKEN).digest('hex');

export interface ServiceProcess {
  readonly url: string;
  /** Sends a signal; the answer of `exit` follows. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** The exit code; null where a signal killed it. */
  readonly exit: Promise<number | null>;
  /** Everything that it wrote to its log. */
  log(): string;
}

/** Starts the service on a free port, with one administrator, whose token is `TOKEN`. */
export async function startService(env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const child = forkScript(CLI, ['serve'], {
    env: {
      PATH: process.env.PATH,
      CREDIT_API_ADMIN_TOKENS: TOKEN_SHA256,
      SERVICE_PORT: '0',
      SERVICE_HOST: '127.0.0.1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let log = '';
  let told = '';
  child.stdout?.on('data', (data) => {
    log += data;
  });
  child.stderr?.on('data', (data) => {
    told += data;
  });
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.on('data', () => {
      const found = /serves (\S+)/.exec(told)?.[1];
      if (found) resolve(found);
    });
    void exit.then((code) => reject(new Error(`The service ended with ${code}: ${told}${log}`)));
  });
  return { url, exit, kill: (signal) => void child.kill(signal), log: () => log };
}

/** Sends a request as the administrator. Rejects where nobody answers. */
export async function ask(
  url: string,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: Readonly<Record<string, unknown>> }> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
