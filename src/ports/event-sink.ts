/** Where outbox events go. */
import type { CreditEvent } from '../models/events.js';

/** Throwing means unreachable (retried for ever); `rejected` counts towards `failed`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a sink that returns nothing has accepted the event.
export type Delivery = void | { readonly rejected: string };

/** A named receiver of events. Its name is registered in the database by the first process that brings it. */
export interface EventSink {
  readonly name: string;
  publish(event: CreditEvent): Promise<Delivery>;
  close?(): Promise<void>;
}
