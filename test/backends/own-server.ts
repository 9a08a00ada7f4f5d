/**
 * Servers of our own, each started by a process of its own (server-process.ts): the libraries that start them hook
 * into the end of their process and change its exit code, so none is ever loaded where tests run.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface OwnServer {
  readonly url: string;
  stop(): Promise<void>;
}

export type ServerName = 'postgres' | 'mongo';

/** How to reach a server, or why there is none. */
export type Answer = { readonly url: string } | { readonly missing: string };

const SCRIPT = fileURLToPath(new URL('./server-process.ts', import.meta.url));

/** `flags` are the server's own, beside those that it always gets. Its data are in a new folder of `root`. */
export async function startOwnServer(
  name: ServerName,
  flags: readonly string[] = [],
  root = tmpdir(),
): Promise<OwnServer> {
  const args = ['--import', 'tsx', SCRIPT, name, root, ...flags];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const lines = createInterface(child.stdout);
  const [line] = await Promise.race([once(lines, 'line'), once(lines, 'close')]);
  const answer = JSON.parse(line ?? `{"missing":"the process that starts ${name} ended"}`) as Answer;
  const stop = async () => {
    child.stdin.end();
    await closed;
  };
  if ('url' in answer) return { url: answer.url, stop };
  await stop();
  throw new Error(answer.missing);
}
