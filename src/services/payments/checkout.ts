/** The page at which somebody subscribes to a plan that a provider bills. */
import { randomBytes } from 'node:crypto';
import { toCredits } from '../../core/amounts.js';
import { sha256 } from '../../core/canonical-json.js';
import { creditError } from '../../errors.js';
import {
  type CheckoutInput,
  type CheckoutOptions,
  checkoutCallSchema,
  checkoutSchema,
} from '../../models/inputs/payments.js';
import { notValid, parse, parseOptions } from '../input/parse.js';
import { parsePlanRef, readPlan } from '../pipeline/plan-refs.js';
import type { PlanCheckout } from './contract.js';
import { sentMessage } from './messages.js';
import type { Payments } from './payments.js';

/** Makes the link. The user goes with it as metadata, so that every event of the subscription names the user. */
export async function checkout<S>(
  payments: Payments<S>,
  input: CheckoutInput,
  given: CheckoutOptions | undefined,
): Promise<PlanCheckout> {
  const {
    userId,
    plan: ref,
    provider: named,
    customerEmail = null,
    callbackUrl,
  } = parse(checkoutSchema, input, 'checkout');
  const { idempotencyKey, signal, timeoutMs } = parseOptions(checkoutCallSchema, given);
  const { engine, providers, prices, reads } = payments;
  const provider = providers.chosen(named);
  const plan = await readPlan(reads, parsePlanRef(ref), { signal, timeoutMs });
  if (!plan) throw creditError('PLAN_NOT_FOUND', 'There is no plan with this id or code.', { id: ref });
  if (!plan.isActive) throw creditError('PLAN_INACTIVE', 'The plan is not offered any more.', { id: plan.id });
  const priceId = plan.providerPrices?.[provider.name]?.[0];
  if (priceId === undefined) {
    throw notValid('checkout.plan', `a plan whose providerPrices name a price of ${provider.name}`);
  }
  const own = idempotencyKey === undefined ? null : sha256(JSON.stringify([userId, plan.id, idempotencyKey]));
  const reference = `sub_${own?.slice(0, 32) ?? randomBytes(16).toString('hex')}`;
  const { url, providerLinkId, traffic } = await provider.createPaymentLink({
    ...{ reference, userId, amountMinor: plan.price, currency: plan.currency ?? 'USD', description: plan.name },
    ...{ customerEmail, customerPhone: null, callbackUrl: prices.callback(callbackUrl), metadata: {} },
    creditsToAdd: toCredits(plan.creditLimit, engine.scale),
    ...{ priceId, signal: signal ?? new AbortController().signal },
  });
  const about = { id: `${provider.name}/checkout.${reference}`, provider: provider.name } as const;
  const sent = { ...about, type: 'checkout', status: 'sent' } as const;
  await payments.write(sentMessage(sent, { id: null, userId }, traffic, payments.now(), { providerLinkId }), {
    ...{ signal, timeoutMs },
  });
  return { provider: provider.name, planId: plan.id, priceId, url, providerLinkId };
}
