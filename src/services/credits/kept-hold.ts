/** Keeps the hold of work that goes on. */
import { isCreditError } from '../../errors.js';
import type { Reservation } from '../../models/records/reservation.js';
import { clearTimeout, setTimeout } from '../../timers.js';
import type { CreditMutations } from './contract.js';

interface Kept<S> {
  readonly credits: Pick<CreditMutations<S>, 'extendReservation'>;
  readonly reservation: Reservation;
  readonly ttlSeconds: number;
  /** Whoever needs the hold. Once nobody refers to it, the hold is kept no longer. */
  readonly owner: WeakRef<object>;
}

/** Parts of the time to live: until the next prolongation, and after one that failed. */
const HALF = 1 / 2;
const SOONER = 1 / 8;

/**
 * Prolongs a hold at half of its time to live, as far as a hold can live, until the result is called. It keeps no
 * process alive. Where a prolongation fails, the hold may end before the work; a settlement by `cap` charges it then.
 */
export function keepHold<S>({ credits, reservation, ttlSeconds, owner }: Kept<S>): () => void {
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout>;
  const wait = (part: number) => {
    timer = setTimeout(prolong, ttlSeconds * 1000 * part);
    (timer as { unref?: () => void }).unref?.();
  };
  const prolong = async () => {
    if (owner.deref() === undefined) return;
    let next = HALF;
    try {
      await credits.extendReservation(reservation.id, { ttlSeconds });
    } catch (error) {
      if (isCreditError(error, 'RESERVATION_NOT_ACTIVE') || isCreditError(error, 'CLOSED')) return;
      next = SOONER;
    }
    if (!isStopped) wait(next);
  };
  wait(HALF);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
