/** The port to receivers of outbox events. */
import type { CreditEvent, CreditEventType } from '../models/events.js';
import type { Awaitable } from '../models/values.js';

/** A sink that throws was not reached (the event is retried for ever); `rejected` counts towards `failed`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a sink that returns nothing has accepted the event.
export type Delivery = void | { readonly rejected: string };

/** A named receiver of events. Its name is registered in the database by the first process that brings it. */
export interface EventSink {
  /** `[a-z][a-z0-9_-]{0,31}` */
  readonly name: string;
  /**
   * The types of events that it wants; without a list, all. The list is stored with the name, and every process writes
   * rows for the sink only for these types. The list of the process that started last counts in all of them, within a
   * minute. It is no filter of deliveries: a row that was written by an older list is delivered.
   */
  readonly types?: readonly CreditEventType[] | undefined;
  /** Takes an event. It comes more than once, with the same id, where an answer was lost. See {@link Delivery}. */
  publish(event: CreditEvent): Promise<Delivery>;
  /**
   * Whether it can be reached at all now. While it says no, the relay leaves its events as they are, without a try and
   * without a pause, so that all of them go on at once when it is back. Without it every event is tried.
   */
  isReady?(): Awaitable<boolean>;
  /** Tells what keeps it from taking events, and what to do; null for nothing. `manager.health()` repeats it. */
  problem?(): string | null;
  /** Called once, by the manager's `close()`. */
  close?(): Promise<void>;
}
