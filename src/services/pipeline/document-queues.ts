/**
 * One first-in-first-out queue for each document. An operation enters the queues of all its documents in one
 * synchronous step and runs when it is first in all of them. So an operation on two documents holds up both queues.
 */
import { type Group, newGroup } from './group.js';
import type { Operation } from './operation.js';

/** The queue of one document that operations wait for or work on. */
class Queue {
  #items: Operation[];
  #head = 0;
  /** A running group owns the document. */
  isOwned = false;
  /** The queue is in the list of those that may have something to run. */
  isReady = false;

  constructor(
    readonly key: string,
    first: Operation,
  ) {
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

  /** The first operation that is not answered yet. Drops the answered ones before it. */
  peek(): Operation | undefined {
    while (this.#items[this.#head]?.state === 'answered') this.shift();
    return this.#items[this.#head];
  }

  /** Drops the first operation. It rarely copies the list, so that a long queue stays cheap. */
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
  readonly #queues = new Map<string, Queue>();
  #ready: Queue[] = [];

  get hasReady(): boolean {
    return this.#ready.length > 0;
  }

  sizeOf(key: string): number {
    return this.#queues.get(key)?.size ?? 0;
  }

  push(operation: Operation): void {
    for (const key of operation.documents) {
      let queue = this.#queues.get(key);
      if (queue) queue.push(operation);
      else {
        queue = new Queue(key, operation);
        this.#queues.set(key, queue);
      }
      this.#wake(queue);
    }
  }

  /** Called when an operation left the middle of its queues: the ones behind it may run now. */
  wake(operation: Operation): void {
    for (const key of operation.documents) {
      const queue = this.#queues.get(key);
      if (queue) this.#wake(queue);
    }
  }

  /** Takes groups that hold at most `max` operations in total. They own their documents until `release`. */
  take(max: number): Group[] {
    const groups: Group[] = [];
    let left = max;
    let looked = 0;
    while (left > 0 && looked < this.#ready.length) {
      const queue = this.#ready[looked++] as Queue;
      queue.isReady = false;
      const operations = queue.isOwned ? [] : this.#takeFrom(queue, left);
      if (operations.length === 0) continue;
      left -= operations.length;
      for (const key of (operations[0] as Operation).documents) (this.#queues.get(key) as Queue).isOwned = true;
      groups.push(newGroup(operations));
    }
    this.#ready = this.#ready.slice(looked);
    return groups;
  }

  /** Takes the operations that wait behind a running group of one document. That group still owns the document. */
  takeBehind({ documents: [key = '', ...others] }: Group, max: number): Group | null {
    const queue = this.#queues.get(key);
    const first = others.length === 0 ? queue?.peek() : undefined;
    if (!queue || !first || first.alone) return null;
    const operations = this.#takeFrom(queue, max);
    return operations.length > 0 ? newGroup(operations) : null;
  }

  /** Puts a group that `takeBehind` took back to the head of its queue. */
  putBack({ documents: [key = ''], operations }: Group): void {
    this.#queues.get(key)?.putBack(operations.filter(({ state }) => state !== 'answered'));
  }

  /** Frees the documents of a group. The operations in `again` go back to the head of their queues. */
  release(group: Group, again: readonly Operation[]): void {
    if (group.released) return;
    group.released = true;
    for (const key of group.documents) {
      const queue = this.#queues.get(key) as Queue;
      queue.isOwned = false;
      if (again.length > 0) queue.putBack(again);
      if (queue.peek()) this.#wake(queue);
      // A queue in the ready list is deleted in its turn; if it were deleted now, its turn would delete a newer one.
      else if (!queue.isReady) this.#queues.delete(key);
    }
  }

  #wake(queue: Queue): void {
    if (queue.isOwned || queue.isReady) return;
    queue.isReady = true;
    this.#ready.push(queue);
  }

  #takeFrom(queue: Queue, max: number): Operation[] {
    let taken: Operation[] = [];
    for (let next = queue.peek(); next && taken.length < max; next = queue.peek()) {
      if (next.documents.length > 1) {
        if (taken.length === 0 && this.#headsAll(next)) {
          for (const key of next.documents) this.#queues.get(key)?.shift();
          taken.push(next);
        }
        return taken;
      }
      if (next.alone && taken.length > 0) return taken;
      queue.shift();
      // Start with a list of one: on most accounts only one operation waits, and a growing list costs more.
      if (taken.length === 0) taken = [next];
      else taken.push(next);
      if (next.alone) return taken;
    }
    if (taken.length === 0) this.#queues.delete(queue.key);
    return taken;
  }

  #headsAll(operation: Operation): boolean {
    return operation.documents.every((key) => {
      const queue = this.#queues.get(key);
      return queue?.isOwned === false && queue.peek() === operation;
    });
  }
}
