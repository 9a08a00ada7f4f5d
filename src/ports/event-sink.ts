/** Where outbox events go. */
import type { CreditEvent } from '../models/events.js';

/** Throwing means unreachable (retried for ever); `rejected` counts towards `failed`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a sink that returns nothing has accepted the event.
export type Delivery = void | { readonly rejected: string };

/** A named receiver of events. Its name is registered in the database by the first process that brings it. */
export interface EventSink {
  /** `[a-z][a-z0-9_-]{0,31}` */
  readonly name: string;
  /** Takes an event: more than once where an answer was lost, and then with the same id. See {@link Delivery}. */
  publish(event: CreditEvent): Promise<Delivery>;
  /** Called once, by the manager's `close()`. */
  close?(): Promise<void>;
}
