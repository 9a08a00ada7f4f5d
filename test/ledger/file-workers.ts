/** Starts worker processes that share one served database. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import type { InMemoryDbManager } from '../../src/index.js';
import { forkScript } from '../support/script.js';
import { serve } from './file-served-db.js';
import type { Order, Report, Work } from './file-worker.js';

const SCRIPT = new URL('./file-worker.ts', import.meta.url);

export interface Worker {
  /** Starts to write. */
  run(work: Work): void;
  /** Lets it finish its calls and close its manager; what it says then. */
  stop(): Promise<Extract<Report, { kind: 'done' }>>;
  /** Ends it where it stands. Resolves when nothing of it can arrive at the database any more. */
  kill(): Promise<void>;
}

export async function startWorker(db: InMemoryDbManager): Promise<Worker> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_OPTIONS)/.test(name)));
  const child: ChildProcess = forkScript(SCRIPT, [], { serialization: 'advanced', env });
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
