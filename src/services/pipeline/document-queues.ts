/**
 * First-in-first-out queues by document. An operation enters the queues of all its documents in one synchronous step
 * and runs when it heads them all, so an operation on two documents is a barrier in both queues.
 */
import { type Group, newGroup } from './group.js';
import type { Operation } from './operation.js';

/** A document that is waited for or worked on. */
class Queue {
  #items: Operation[];
  #head = 0;
  /** A running group owns the document. */
  isOwned = false;
  /** It is in the list of documents that may have something to run. */
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

  /** The first operation that is still waited for; answered ones leave on the way. */
  peek(): Operation | undefined {
    while (this.#items[this.#head]?.state === 'answered') this.shift();
    return this.#items[this.#head];
  }

  /** Drops the head, without moving the rest each time. */
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

  /** An operation left from the middle of its queues: what it held up may run. */
  wake(operation: Operation): void {
    for (const key of operation.documents) {
      const queue = this.#queues.get(key);
      if (queue) this.#wake(queue);
    }
  }

  /** Groups of at most `max` operations together; their documents are owned until `release`. */
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

  /** What waits behind a running group of one document; that group owns the document still. */
  takeBehind({ documents: [key = '', ...others] }: Group, max: number): Group | null {
    const queue = this.#queues.get(key);
    const first = others.length === 0 ? queue?.peek() : undefined;
    if (!queue || !first || first.alone) return null;
    const operations = this.#takeFrom(queue, max);
    return operations.length > 0 ? newGroup(operations) : null;
  }

  /** Puts what was taken behind a running group back where it waited. */
  putBack({ documents: [key = ''], operations }: Group): void {
    this.#queues.get(key)?.putBack(operations.filter(({ state }) => state !== 'answered'));
  }

  /** Gives the documents of a group back, with the operations that have to run again at the head. */
  release(group: Group, again: readonly Operation[]): void {
    if (group.released) return;
    group.released = true;
    for (const key of group.documents) {
      const queue = this.#queues.get(key) as Queue;
      queue.isOwned = false;
      if (again.length > 0) queue.putBack(again);
      if (queue.peek()) this.#wake(queue);
      // One that is listed as ready leaves when its turn comes: another of its name would leave with it.
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
      // A list of one, not a growing list: most accounts have one operation waiting.
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
