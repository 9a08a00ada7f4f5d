/** What a payment must be after a set of events, worked out from the set alone and by other means than the library. */
import type { PaymentStatus, ProviderEvent } from '../../src/index.js';

type Event = ProviderEvent;
type Ranked = 'open' | 'done' | 'failed' | 'won' | 'lost';

const RANKS: readonly Ranked[] = ['open', 'won', 'done', 'failed', 'lost'];

export interface Outcome {
  readonly status: PaymentStatus;
  readonly granted: bigint;
  readonly takenBack: bigint;
}

/** `events` are those that fit the payment; credits are in units. */
export function outcomeOf(events: readonly Event[], asked: number, creditsToAdd: bigint): Outcome {
  const ofKind = (...kinds: readonly Event['kind'][]) => events.filter(({ kind }) => kinds.includes(kind));
  const sums = ofKind('paid', 'partially_paid').map(({ paid }) => paid?.amountMinor ?? 0);
  const paid = Math.max(0, ...sums);
  const granted = paid >= asked ? creditsToAdd : 0n;
  // Money came by some payments of the provider; what goes back of any other is none of ours.
  const arrived = new Map<string, number>();
  for (const event of ofKind('paid', 'partially_paid')) {
    const id = event.providerPaymentId ?? '';
    arrived.set(id, Math.max(arrived.get(id) ?? 0, (event.arrived ?? event.paid)?.amountMinor ?? 0));
  }
  const surplus = Math.max(0, [...arrived.values()].reduce((sum, one) => sum + one, 0) - asked);
  const ours = events.filter(({ providerPaymentId }) => arrived.has(providerPaymentId ?? ''));
  const refunds = last(ours.flatMap(({ refund }) => refund ?? []));
  const disputes = last(ours.flatMap(({ dispute }) => dispute ?? []));
  const refunded = total(refunds.filter(({ status }) => status !== 'failed'));
  const gone = refunded + total(disputes.filter(({ status }) => status !== 'won')) - surplus;
  const taken = Math.max(0, Math.min(asked, gone));
  // The nearest whole unit to granted × taken / asked, half up.
  const takenBack = (granted * BigInt(taken) * 10n + BigInt(asked) * 5n) / (BigInt(asked) * 10n);
  return { status: statusOf(), granted, takenBack };

  function statusOf(): PaymentStatus {
    if (granted > 0n) {
      if (gone <= 0) return 'paid';
      if (disputes.some(({ status }) => status === 'lost')) return 'charged_back';
      if (disputes.some(({ status }) => status === 'open')) return 'disputed';
      return refunded - surplus >= asked ? 'refunded' : 'partially_refunded';
    }
    if (paid > 0) return 'partially_paid';
    if (ofKind('cancelled').length > 0) return 'cancelled';
    if (ofKind('expired').length > 0) return 'expired';
    const attempts = ofKind('authorized', 'failed').map(({ kind, occurredAt }) => ({ kind, at: Number(occurredAt) }));
    const newest = Math.max(...attempts.map(({ at }) => at));
    const kinds = attempts.filter(({ at }) => at === newest).map(({ kind }) => kind);
    if (kinds.length === 0) return 'pending';
    return kinds.includes('failed') ? 'failed' : 'authorized';
  }
}

interface Part {
  readonly id: string;
  readonly status: Ranked;
  readonly amountMinor: number;
}

/** The last status of each, and its largest amount. */
function last(parts: readonly Part[]): Part[] {
  const ids = [...new Set(parts.map(({ id }) => id))];
  return ids.map((id) => {
    const own = parts.filter((part) => part.id === id);
    const status = RANKS.findLast((rank) => own.some((part) => part.status === rank)) as Ranked;
    return { id, status, amountMinor: Math.max(...own.map(({ amountMinor }) => amountMinor)) };
  });
}

function total(parts: readonly Part[]): number {
  return parts.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}
