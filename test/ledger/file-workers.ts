/** Starts worker processes that share one served database. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';
import type { InMemoryDbManager } from '../../src/index.js';
import { serve } from './file-served-db.js';
import type { Order, Report, Work } from './file-worker.js';

/** One file with everything in it: starts in a fraction of the time that TypeScript takes. */
export async function bundleWorker(folder: string): Promise<string> {
  const outfile = join(folder, 'worker.cjs');
  const entryPoints = [fileURLToPath(new URL('./file-worker.ts', import.meta.url))];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'cjs', logLevel: 'error' });
  return outfile;
}

export interface Worker {
  /** Starts to write. */
  run(work: Work): void;
  /** Lets it finish its calls and close its manager; what it says then. */
  stop(): Promise<Extract<Report, { kind: 'done' }>>;
  /** Ends it where it stands. Resolves when nothing of it can arrive at the database any more. */
  kill(): Promise<void>;
}

export async function startWorker(script: string, db: InMemoryDbManager): Promise<Worker> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_OPTIONS)/.test(name)));
  const child: ChildProcess = fork(script, { serialization: 'advanced', execArgv: [], env });
  onTestFinished(() => void child.kill('SIGKILL'));
  const gone = serve(child, db);
  const said = new Promise<Extract<Report, { kind: 'done' }>>((resolve, reject) => {
    child.on('message', (message: Report) => {
      if (message.kind === 'done') resolve(message);
    });
    child.on('exit', (code, signal) => reject(new Error(`The worker ended with ${code ?? signal}.`)));
  });
  said.catch(() => {});
  await once(child, 'message');
  return {
    run: (work) => void child.send({ kind: 'run', work } satisfies Order),
    async stop() {
      child.send({ kind: 'stop' } satisfies Order);
      const report = await said;
      await gone;
      return report;
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
