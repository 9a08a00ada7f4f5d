/** The port to receivers of outbox events. */
import type { CreditEvent } from '../models/events.js';

/** A sink that throws was not reached (the event is retried for ever); `rejected` counts towards `failed`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a sink that returns nothing has accepted the event.
export type Delivery = void | { readonly rejected: string };

/** A named receiver of events. Its name is registered in the database by the first process that brings it. */
export interface EventSink {
  /** `[a-z][a-z0-9_-]{0,31}` */
  readonly name: string;
  /** Takes an event. It comes more than once, with the same id, where an answer was lost. See {@link Delivery}. */
  publish(event: CreditEvent): Promise<Delivery>;
  /** Called once, by the manager's `close()`. */
  close?(): Promise<void>;
}
