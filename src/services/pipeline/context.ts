/** The settings of decisions, and the context they make for one instant. */
import type { Context, Facts } from '../../core/decision.js';
import type { WantedSink } from '../store/sink-registry.js';

export interface DecisionSettings extends Omit<Context, 'now' | 'defaults' | 'facts'> {
  readonly now: () => number;
  readonly sinks: readonly WantedSink[];
  /** Whether there is a queue of notifications. */
  readonly queue: boolean;
  /** Whether a recorded refusal also sends a notification. */
  readonly notifyErrors: boolean;
  /** Whether a recorded refusal leaves an error entry. It moves the account's version on in any case. */
  readonly errorEntries: boolean;
  /** Whether a follower of commits in this process reads their entries; without one, nobody keeps their texts. */
  readonly followsEntries: boolean;
}

/** The context for decisions at one instant, on accounts of one credit type. */
export function contextOf(settings: DecisionSettings, now: number, creditType: string, facts: Facts): Context {
  const { scale, ledgerId, defaultsOf, limits, allEvents, eventMetadata, temporal } = settings;
  // Every group makes one, so it takes only these fields: a copy of all settings would cost half as much again.
  return {
    now,
    scale,
    ledgerId,
    defaults: defaultsOf(creditType),
    defaultsOf,
    limits,
    allEvents,
    eventMetadata,
    temporal,
    facts,
  };
}

/** The context in which a read looks at an account now. */
export function readingContext(settings: DecisionSettings, creditType: string): Context {
  return contextOf(settings, settings.now(), creditType, NO_FACTS);
}

/** A read decides nothing, so it needs no stored rows. */
const NO_FACTS: Facts = { row: () => undefined, reversals: () => undefined, lapses: () => undefined };
