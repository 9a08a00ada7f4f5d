/** A process of a test under kill -9. */
import type { ChildProcess } from 'node:child_process';
import type { WorkerConfig } from '../backends/open-adapter.js';
import { forkScript } from '../support/script.js';
import type { Taken } from './worker.js';

/** A process that takes what it is sent, such as webhooks, and answers each. */
export class Receiver {
  readonly ready: Promise<this>;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, (error: string | null) => void>();
  #next = 0;
  isOver = false;

  constructor(script: URL, config: WorkerConfig) {
    this.#child = forkScript(script, [JSON.stringify(config)], { serialization: 'advanced' });
    this.ready = new Promise((resolve, reject) => {
      this.#child.on('message', (message: 'ready' | Taken) => {
        if (message === 'ready') return resolve(this);
        this.#pending.get(message.id)?.(message.error);
        this.#pending.delete(message.id);
      });
      this.#child.once('close', () => {
        this.isOver = true;
        for (const answer of this.#pending.values()) answer('lost');
        this.#pending.clear();
        reject(new Error('The receiver ended before it was ready.'));
      });
    });
    this.ready.catch(() => {});
  }

  /** Null where it was taken; else why it was not, or that nobody knows. With `dies` it ends before it answers. */
  take(body: string, dies = false): Promise<string | null> {
    if (this.isOver) return Promise.resolve('lost');
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#pending.set(id, resolve);
      this.#child.send({ id, body, dies }, () => {});
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
