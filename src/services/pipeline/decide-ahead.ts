/**
 * While a commit is under way, decides the operations that wait behind it, on the states that the commit will leave.
 * The pipeline can then send them as soon as the commit is done, so a hot account is never idle. It sends them only
 * when that commit succeeded; otherwise it puts them back undecided.
 */
import { monotonicNow, setImmediate } from '../../timers.js';
import type { DecisionSettings } from './context.js';
import { decideGroup } from './decide-group.js';
import type { DocumentQueues } from './document-queues.js';
import type { FactSheet } from './facts.js';
import type { Group } from './group.js';

/** An older decision is made again, because something may have expired since. */
const AGE_MAX_MS = 250;

interface Tools<S> {
  readonly facts: FactSheet<S>;
  readonly settings: DecisionSettings;
}

export class Ahead<S> {
  readonly #successors = new Map<Group, Group>();
  readonly #queues: DocumentQueues;
  #over = false;
  #decidedAt = 0;

  /** `decide` answers the tools of the decision, or null when deciding ahead would keep other documents waiting. */
  constructor(groups: readonly Group[], queues: DocumentQueues, max: number, decide: () => Tools<S> | null) {
    this.#queues = queues;
    // Callers that were just answered may call again; wait a turn, so that those calls are decided too.
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
        // A group that needs a read, or whose decision fails, goes back: it is decided again in its own turn.
        if (!isDecided(next, tools)) this.#putBack(group);
      }
    });
  }

  /** Ends deciding ahead. Answers the groups behind `committed`, which now own their documents; puts the rest back. */
  take(committed: ReadonlySet<Group>): Group[] {
    this.#over = true;
    const isRecent = monotonicNow() - this.#decidedAt <= AGE_MAX_MS;
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
