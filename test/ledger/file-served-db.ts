/** One database for many processes: the test keeps it in memory, its workers ask for it over their channel. */
import type { ChildProcess } from 'node:child_process';
import {
  type CreditErrorCode,
  creditError,
  type DbManager,
  type InMemoryDbManager,
  isCreditError,
  type Unit,
} from '../../src/index.js';

type Method = 'init' | 'getMany' | 'find' | 'count' | 'commit' | 'ping';
type Call = { readonly kind: 'call'; readonly number: number; readonly method: Method; readonly args: unknown[] };
type Failure = { readonly code: CreditErrorCode; readonly message: string; readonly details: unknown };
type Reply = { readonly kind: 'reply'; readonly number: number; readonly value?: unknown; readonly failure?: Failure };

/**
 * Answers the calls of a child. What it commits survives it, whether or not the answer still finds it: like a database
 * server. The result resolves when the child is gone and everything that it asked for is done.
 */
export function serve(child: ChildProcess, db: InMemoryDbManager): Promise<void> {
  const working = new Set<Promise<void>>();
  child.on('message', (message: Call) => {
    if (message.kind !== 'call') return;
    const work = answer(db, message).then((reply) => {
      if (child.connected) child.send(reply, () => {});
    });
    working.add(work);
    void work.finally(() => working.delete(work));
  });
  return new Promise((resolve) => {
    child.on('close', () => resolve(Promise.all(working).then(() => {})));
  });
}

async function answer(db: InMemoryDbManager, { number, method, args }: Call): Promise<Reply> {
  try {
    const run = db[method] as (...args: unknown[]) => Promise<unknown>;
    return { kind: 'reply', number, value: await run.apply(db, args) };
  } catch (error) {
    if (!isCreditError(error)) throw error;
    const { code, message, details } = error;
    return { kind: 'reply', number, failure: { code, message, details } };
  }
}

/** The worker's side: no transactions, no sessions. */
export class ServedDb implements DbManager<never> {
  readonly name = 'served';
  /** Ids of entries in the order in which this process learnt that they are committed. */
  readonly committed: string[] = [];
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #calls = 0;

  constructor() {
    process.on('message', (message: Reply) => {
      if (message.kind !== 'reply') return;
      const waiter = this.#waiting.get(message.number);
      this.#waiting.delete(message.number);
      const { failure, value } = message;
      if (failure) waiter?.reject(creditError(failure.code, failure.message, failure.details as never));
      else waiter?.resolve(value as never);
    });
  }

  init: DbManager<never>['init'] = () => this.#ask('ping', []);
  getMany: DbManager<never>['getMany'] = (model, keys) => this.#ask('getMany', [model, keys]);
  find: DbManager<never>['find'] = (model, query) => this.#ask('find', [model, query]);
  count: DbManager<never>['count'] = (model, query) => this.#ask('count', [model, query]);
  ping: DbManager<never>['ping'] = () => this.#ask('ping', []);
  close = () => Promise.resolve();

  commit: DbManager<never>['commit'] = async (units) => {
    const outcomes: Awaited<ReturnType<DbManager['commit']>> = await this.#ask('commit', [units]);
    for (const [i, { status }] of outcomes.entries()) {
      if (status === 'committed') this.committed.push(...entryIds(units[i] as Unit));
    }
    return outcomes;
  };

  #ask<T>(method: Method, args: unknown[]): Promise<T> {
    const call: Call = { kind: 'call', number: ++this.#calls, method, args };
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(call.number, { resolve, reject });
      process.send?.(call);
    });
  }
}

function entryIds(unit: Unit): string[] {
  return unit.flatMap((change) =>
    change.op === 'insert' && change.model === 'entry' ? [(change.row as unknown as { id: string }).id] : [],
  );
}
