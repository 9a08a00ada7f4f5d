/**
 * Decides what waits behind a commit while it is under way, on the states that it will leave, so that the next one is
 * sent the moment it is done: an account that everybody wants is then never idle. What was decided ahead is sent only
 * after the commit before it has succeeded, and is put back undecided otherwise.
 */

import { monotonicNow, setImmediate } from '../../timers.js';
import type { DecisionSettings } from './context.js';
import { decideGroup } from './decide-group.js';
import type { DocumentQueues } from './document-queues.js';
import type { FactSheet } from './facts.js';
import type { Group } from './group.js';

/** What was decided longer ago is decided again: meanwhile something may have expired. */
const MAX_AGE_MS = 250;

interface Tools<S> {
  readonly facts: FactSheet<S>;
  readonly settings: DecisionSettings;
}

export class Ahead<S> {
  readonly #successors = new Map<Group, Group>();
  readonly #queues: DocumentQueues;
  #over = false;
  #decidedAt = 0;

  /** `decide` answers what to decide with, or null where other documents would be kept waiting. */
  constructor(groups: readonly Group[], queues: DocumentQueues, max: number, decide: () => Tools<S> | null) {
    this.#queues = queues;
    // The callers that were just answered call again first.
    setImmediate(() => {
      const tools = this.#over ? null : decide();
      if (tools === null) return;
      this.#decidedAt = monotonicNow();
      let left = max;
      for (const group of groups) {
        const next = left > 0 ? queues.takeBehind(group, left) : null;
        if (!next) continue;
        left -= next.operations.length;
        next.states = group.decided?.states ?? [];
        this.#successors.set(group, next);
        // What needs to be read first is decided when its turn has come, and what fails here will fail there.
        if (!isDecided(next, tools)) this.#putBack(group);
      }
    });
  }

  /** Ends the planning: the successors of these groups own their documents now, all others are put back. */
  take(committed: ReadonlySet<Group>): Group[] {
    this.#over = true;
    const isRecent = monotonicNow() - this.#decidedAt <= MAX_AGE_MS;
    const taken: Group[] = [];
    for (const [group, next] of this.#successors) {
      const isWanted = isRecent && next.operations.every(({ state }) => state === 'waiting');
      if (!committed.has(group) || !isWanted || next.decided?.unit.length === 0) this.#putBack(group);
      else {
        group.released = true;
        taken.push(next);
      }
    }
    return taken;
  }

  #putBack(group: Group): void {
    const next = this.#successors.get(group) as Group;
    this.#successors.delete(group);
    this.#queues.putBack(next);
  }
}

function isDecided<S>(group: Group, { facts, settings }: Tools<S>): boolean {
  try {
    return decideGroup(group, facts, settings) === 'decided';
  } catch {
    return false;
  }
}
