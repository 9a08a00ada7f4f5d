/** Finds the account of a reservation: from memory for recent holds, else from the entry that made the hold. */
import type { AccountRef } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { CallOptions } from '../../models/inputs/credits.js';
import type { Engine } from '../pipeline/engine.js';

const HOLDS_MAX = 10_000;

export interface KnownHold {
  readonly account: AccountRef;
  /** The entry that made the hold; it has the hold's reason and metadata. */
  readonly origin: EntryRow;
}

export class HoldDirectory<S> {
  readonly #known = new Map<string, KnownHold>();

  constructor(
    readonly engine: Engine<S>,
    readonly creditType: string,
  ) {}

  remember(account: AccountRef, origin: EntryRow): void {
    this.#known.set(origin.reservationId as string, { account, origin });
    if (this.#known.size > HOLDS_MAX) this.#known.delete(this.#known.keys().next().value as string);
  }

  /** The reservation of this credit type, or null. */
  async find(reservationId: string, options: CallOptions<S>): Promise<KnownHold | null> {
    const known = this.#known.get(reservationId);
    if (known) return known;
    // The id of a reservation is `r-` and the id of the operation whose entry made it.
    if (!reservationId.startsWith('r-')) return null;
    const { session } = options;
    const origin = await this.engine.read(options, (timeoutMs) =>
      this.engine.store.get('entry', reservationId.slice(2), { session, timeoutMs }),
    );
    if (origin?.reservationId !== reservationId || origin.creditType !== this.creditType) return null;
    const hold = { account: this.engine.account(this.creditType, origin.userId), origin };
    if (session === undefined) this.remember(hold.account, origin);
    return hold;
  }
}
