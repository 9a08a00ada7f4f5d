/** Messages that name nothing of ours: they wait, because what they name may become ours. */
import { keysOf } from '../../core/payment.js';
import type { ReadOptions } from '../../models/inputs/credits.js';
import { type PaymentMessageRow, providerKey } from '../../models/payment.js';
import { isBilling } from './billing.js';
import { REFERENCE } from './inbox.js';
import { messageOf } from './messages.js';
import type { Payments } from './payments.js';

/** Whether a message waits, and neither a payment nor a user of ours was found by what it names. */
export function isUnclaimed(row: PaymentMessageRow): boolean {
  if (row.status !== 'waiting' || row.paymentId !== null) return false;
  const message = messageOf(row);
  return message === null || row.userId === null || !isBilling(message);
}

/** Those of some unclaimed messages that name something that is ours by now; a few reads for all of them. */
export async function claimedOf<S>(
  payments: Payments<S>,
  rows: readonly PaymentMessageRow[],
  options: ReadOptions<S>,
): Promise<readonly PaymentMessageRow[]> {
  const named = rows.map((row) => ({ row, names: namesOf(row) }));
  const known = new Set<string>();
  for (const model of MODELS) {
    const keys = [...new Set(named.flatMap(({ names }) => names[model]))];
    if (keys.length === 0) continue;
    const found = await payments.engine.read(options, (timeoutMs) =>
      payments.engine.store.getMany(model, keys, { ...options, timeoutMs }),
    );
    for (const [i, row] of found.entries()) if (row !== null) known.add(`${model} ${keys[i]}`);
  }
  const isKnown = (names: Names) => MODELS.some((model) => names[model].some((key) => known.has(`${model} ${key}`)));
  return named.filter(({ names }) => isKnown(names)).map(({ row }) => row);
}

const MODELS = ['payment', 'provider_ref', 'provider_subscription', 'provider_customer'] as const;
type Names = Readonly<Record<(typeof MODELS)[number], readonly string[]>>;

function namesOf(row: PaymentMessageRow): Names {
  const message = messageOf(row);
  const { reference, subscription } = message?.event ?? {};
  const key = (kind: 'subscription' | 'customer', name: string | null | undefined) =>
    name == null ? [] : [providerKey(row.provider, kind, name)];
  return {
    payment: reference != null && REFERENCE.test(reference) ? [reference] : [],
    provider_ref: message ? keysOf(message) : [],
    provider_subscription: key('subscription', subscription?.id),
    provider_customer: key('customer', subscription?.customerId),
  };
}
