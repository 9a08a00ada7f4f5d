/** The settings of decisions, and the context of one instant that they make. */
import type { Context, Facts } from '../../core/decision.js';

export interface DecisionSettings extends Omit<Context, 'now' | 'defaults' | 'facts'> {
  readonly now: () => number;
  readonly sinks: readonly string[];
  /** Whether there is a queue of notifications, and whether recorded refusals are sent to it. */
  readonly queue: boolean;
  readonly notifyErrors: boolean;
  /** Whether refusals leave an error entry; they always fence. */
  readonly errorEntries: boolean;
}

/** The context of the decisions of one instant on accounts of one credit type. */
export function contextOf(settings: DecisionSettings, now: number, creditType: string, facts: Facts): Context {
  const { scale, ledgerId, defaultsOf, limits, allEvents, temporal } = settings;
  // One a group: a copy of all settings would be half as much again of what is made for it.
  return {
    now,
    scale,
    ledgerId,
    defaults: defaultsOf(creditType),
    defaultsOf,
    limits,
    allEvents,
    temporal,
    facts,
  };
}

/** The context in which an account is looked at now, where nothing is decided. */
export function readingContext(settings: DecisionSettings, creditType: string): Context {
  return contextOf(settings, settings.now(), creditType, NO_FACTS);
}

/** Reads decide nothing that would need stored rows. */
const NO_FACTS: Facts = { row: () => undefined, reversals: () => undefined };
