/**
 * First-in-first-out queues by document. An operation enters the queues of all its documents in one synchronous step
 * and runs when it heads them all, so an operation on two accounts is a barrier in both queues.
 */
import { type Group, newGroup } from './group.js';
import type { Operation } from './operation.js';

/** A queue that does not move its rest when its head leaves. */
class Fifo {
  #items: Operation[];
  #head = 0;

  constructor(first: Operation) {
    this.#items = [first];
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(operation: Operation): void {
    this.#items.push(operation);
  }

  putBack(operations: readonly Operation[]): void {
    this.#items = [...operations, ...this.#items.slice(this.#head)];
    this.#head = 0;
  }

  /** The first operation that is still waited for; answered ones leave on the way. */
  peek(): Operation | undefined {
    while (this.#items[this.#head]?.state === 'settled') this.shift();
    return this.#items[this.#head];
  }

  shift(): void {
    this.#head++;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head > 1_024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }
}

export class DocumentQueues {
  readonly #queues = new Map<string, Fifo>();
  /** Documents that a running group owns. */
  readonly #owned = new Set<string>();
  /** Documents whose queue may have something to run. */
  readonly #ready = new Set<string>();

  get hasReady(): boolean {
    return this.#ready.size > 0;
  }

  sizeOf(key: string): number {
    return this.#queues.get(key)?.size ?? 0;
  }

  push(operation: Operation): void {
    for (const { key } of operation.accounts) {
      const queue = this.#queues.get(key);
      if (queue) queue.push(operation);
      else this.#queues.set(key, new Fifo(operation));
      if (!this.#owned.has(key)) this.#ready.add(key);
    }
  }

  /** An operation left from the middle of its queues: what it held up may run. */
  wake(operation: Operation): void {
    for (const { key } of operation.accounts) {
      if (this.#queues.has(key) && !this.#owned.has(key)) this.#ready.add(key);
    }
  }

  /** Groups of at most `max` operations together; their documents are owned until `release`. */
  take(max: number): Group[] {
    const groups: Group[] = [];
    let left = max;
    for (const key of this.#ready) {
      if (left <= 0) break;
      this.#ready.delete(key);
      const operations = this.#owned.has(key) ? [] : this.#takeFrom(key, left);
      if (operations.length === 0) continue;
      left -= operations.length;
      const keys = (operations[0] as Operation).accounts.map((account) => account.key);
      for (const owned of keys) this.#owned.add(owned);
      groups.push(newGroup(keys, operations));
    }
    return groups;
  }

  /** Gives the documents of a group back, with the operations that have to run again at the head. */
  release(group: Group, again: readonly Operation[]): void {
    if (group.released) return;
    group.released = true;
    for (const key of group.keys) {
      this.#owned.delete(key);
      const queue = this.#queues.get(key);
      if (again.length > 0) queue?.putBack(again);
      if (queue?.peek()) this.#ready.add(key);
      else this.#queues.delete(key);
    }
  }

  #takeFrom(key: string, max: number): Operation[] {
    const queue = this.#queues.get(key);
    let taken: Operation[] = [];
    for (let next = queue?.peek(); next && taken.length < max; next = queue?.peek()) {
      if (next.accounts.length > 1) {
        if (taken.length === 0 && this.#headsAll(next)) {
          for (const account of next.accounts) this.#queues.get(account.key)?.shift();
          taken.push(next);
        }
        return taken;
      }
      if (next.alone && taken.length > 0) return taken;
      queue?.shift();
      if (taken.length === 0) taken = [next];
      else taken.push(next);
      if (next.alone) return taken;
    }
    if (taken.length === 0 && queue?.size === 0) this.#queues.delete(key);
    return taken;
  }

  #headsAll(operation: Operation): boolean {
    return operation.accounts.every(({ key }) => !this.#owned.has(key) && this.#queues.get(key)?.peek() === operation);
  }
}
