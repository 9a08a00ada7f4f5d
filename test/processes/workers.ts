/** Starts workers in processes of their own, gives them calls, and kills them. */
import type { ChildProcess } from 'node:child_process';
import type { WorkerConfig } from '../backends/open-adapter.js';
import type { Answer, Caller, Verb } from '../support/answers.js';
import { forkScript } from '../support/script.js';
import type { FromWorker, ToWorker } from './worker.js';

const SCRIPT = new URL('./worker.ts', import.meta.url);

export class Worker {
  /** What happened in it that never may: unhandled errors. */
  readonly faults: string[] = [];
  /** Resolves when it has initialised its manager, or rejects with what went wrong. */
  readonly ready: Promise<this>;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  readonly #closed: Promise<void>;
  #locked = () => {};
  #next = 0;
  #isOver = false;

  constructor(config: WorkerConfig) {
    this.#child = forkScript(SCRIPT, [JSON.stringify(config)], { serialization: 'advanced' });
    // The process has ended and everything that it still said has been read.
    this.#closed = new Promise((resolve) => this.#child.once('close', () => resolve()));
    void this.#closed.then(() => {
      this.#isOver = true;
      for (const answer of this.#pending.values()) answer({ status: 'lost' });
      this.#pending.clear();
    });
    this.ready = new Promise((resolve, reject) => {
      this.#child.on('message', (message: FromWorker) => {
        if (message === 'ready') resolve(this);
        else if (message === 'locked') this.#locked();
        else if ('fault' in message) {
          this.faults.push(message.fault);
          reject(new Error(message.fault));
        } else this.#answer(message.id, message.answer);
      });
      void this.#closed.then(() => reject(new Error('The worker ended before it was ready.')));
    });
    this.ready.catch(() => {});
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  readonly call: Caller = async (verb, ...args) => {
    const [answer] = await Promise.all(this.start([[verb, ...args]]));
    return answer as Answer;
  };

  /** Starts calls all at once, in one message. */
  start(calls: readonly (readonly [verb: Verb, ...args: unknown[]])[]): Promise<Answer>[] {
    if (this.#isOver) return calls.map(() => Promise.resolve({ status: 'lost' }));
    const numbered = calls.map(([verb, ...args]) => ({ id: this.#next++, verb, args }));
    const answers = numbered.map(({ id }) => new Promise<Answer>((resolve) => this.#pending.set(id, resolve)));
    const message: ToWorker = { calls: numbered };
    // A worker that is being killed may refuse the message; its end answers the calls.
    this.#child.send(message, () => {});
    return answers;
  }

  /** Locks an account's row in a transaction that only the end of the process ends. */
  lock(account: string): Promise<void> {
    const locked = new Promise<void>((resolve) => {
      this.#locked = resolve;
    });
    this.#child.send({ lock: account } satisfies ToWorker, () => {});
    return locked;
  }

  /** Stops it where it is, without its knowing. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** kill -9, now. Resolves when every answer that it had given has been read. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#child.send('close' satisfies ToWorker, () => {});
    await this.#closed;
  }

  #answer(id: number, answer: Answer): void {
    this.#pending.get(id)?.(answer);
    this.#pending.delete(id);
  }
}

export function startWorkers(count: number, config: WorkerConfig): Promise<Worker[]> {
  return Promise.all(Array.from({ length: count }, () => new Worker(config).ready));
}
