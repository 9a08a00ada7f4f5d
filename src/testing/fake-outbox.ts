/** The webhooks of the fake provider that wait for their delivery. */
import type { ProviderEvent } from '../ports/payment-provider.js';

/** A webhook of the fake provider. */
export interface FakeWebhook {
  /** The id of its event: the same at every delivery. */
  readonly id: string;
  /** The event that it tells. */
  readonly event: ProviderEvent;
  /** The signed bytes. */
  readonly body: Uint8Array;
  /** The headers, with the signature. */
  readonly headers: Headers;
}

/** The webhooks that are to be delivered, in the order in which they go out. */
export class FakeOutbox {
  #queue: ProviderEvent[] = [];
  readonly #sign: (event: ProviderEvent) => { readonly body: Uint8Array; readonly headers: Headers };
  #chance: number;

  constructor(sign: (event: ProviderEvent) => Pick<FakeWebhook, 'body' | 'headers'>, seed: number) {
    this.#sign = sign;
    this.#chance = seed;
  }

  /** Queues the webhook of an event. */
  add(event: ProviderEvent): FakeWebhook {
    this.#queue.push(event);
    return this.#signed(event);
  }

  /** The webhooks that wait, signed now. */
  pending(): readonly FakeWebhook[] {
    return this.#queue.map((event) => this.#signed(event));
  }

  /** Queues a webhook once more, at the end. */
  duplicate({ event }: Pick<FakeWebhook, 'event'>): void {
    this.#queue.push(event);
  }

  /** Moves a webhook to the end. */
  delay({ id }: Pick<FakeWebhook, 'id'>): void {
    const isDelayed = (event: ProviderEvent) => event.eventId === id;
    this.#queue = [...this.#queue.filter((event) => !isDelayed(event)), ...this.#queue.filter(isDelayed)];
  }

  /** Takes a webhook away, as if it had got lost. */
  lose({ id }: Pick<FakeWebhook, 'id'>): void {
    this.#queue = this.#queue.filter((event) => event.eventId !== id);
  }

  /** Brings what waits into a random order, which follows from the seed. */
  shuffle(): void {
    for (let i = this.#queue.length - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      [this.#queue[i], this.#queue[j]] = [this.#queue[j] as ProviderEvent, this.#queue[i] as ProviderEvent];
    }
  }

  /**
   * Delivers what waits, one after the other, each signed as it goes out. A handler that throws, or answers a response
   * that is not 2xx, gets the webhook again at the next call, as a provider would send it again.
   *
   * @returns how many were delivered.
   */
  async deliver(handle: (webhook: FakeWebhook) => unknown): Promise<number> {
    const queue = this.#queue;
    this.#queue = [];
    let delivered = 0;
    const again: ProviderEvent[] = [];
    for (const event of queue) {
      const isTaken = await taken(handle, this.#signed(event));
      if (isTaken) delivered += 1;
      else again.push(event);
    }
    this.#queue = [...again, ...this.#queue];
    return delivered;
  }

  #signed(event: ProviderEvent): FakeWebhook {
    return { id: event.eventId ?? '', event, ...this.#sign(event) };
  }

  /** A whole number below `count`, by mulberry32. */
  #below(count: number): number {
    this.#chance = (this.#chance + 0x6d2b79f5) >>> 0;
    let bits = this.#chance;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) % count;
  }
}

async function taken(handle: (webhook: FakeWebhook) => unknown, webhook: FakeWebhook): Promise<boolean> {
  try {
    const answer = await handle(webhook);
    return !(answer instanceof Response) || answer.ok;
  } catch {
    return false;
  }
}
