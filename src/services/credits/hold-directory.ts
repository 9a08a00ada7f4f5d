/** Finds the account of a reservation: from memory for recent holds, else from the entry that made the hold. */
import type { AccountRef } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { CallOptions } from '../../models/inputs/credits.js';
import type { Awaitable } from '../../models/values.js';
import { dropOldest } from '../../oldest.js';
import type { Engine } from '../pipeline/engine.js';

const HOLDS_MAX = 10_000;

export interface KnownHold {
  readonly account: AccountRef;
  /** From the entry that made the hold. So many whole entries would be a burden on the heap. */
  readonly origin: Pick<EntryRow, 'reason' | 'metadata'>;
}

export class HoldDirectory<S> {
  readonly #known = new Map<string, KnownHold>();

  constructor(
    readonly engine: Engine<S>,
    readonly creditType: string,
  ) {}

  remember(account: AccountRef, { reservationId, reason, metadata }: EntryRow): KnownHold {
    const hold = { account, origin: { reason, metadata } };
    this.#known.set(reservationId as string, hold);
    dropOldest(this.#known, HOLDS_MAX);
    return hold;
  }

  /** The reservation of this credit type, or null. */
  find(reservationId: string, options: CallOptions<S>): Awaitable<KnownHold | null> {
    return this.known(reservationId) ?? this.#read(reservationId, options);
  }

  /** A hold that this process made or read not long ago. */
  known(reservationId: string): KnownHold | undefined {
    return this.#known.get(reservationId);
  }

  async #read(reservationId: string, options: CallOptions<S>): Promise<KnownHold | null> {
    // The id of a reservation is `r-` and the id of the operation whose entry made it.
    if (!reservationId.startsWith('r-')) return null;
    const { session } = options;
    const origin = await this.engine.read(options, (timeoutMs) =>
      this.engine.store.get('entry', reservationId.slice(2), { session, timeoutMs }),
    );
    if (origin?.reservationId !== reservationId || origin.creditType !== this.creditType) return null;
    const account = this.engine.account(this.creditType, origin.userId);
    return session === undefined ? this.remember(account, origin) : { account, origin };
  }
}
