/** Subscriptions that a provider bills: whose an event is, which plan its price is of, and the commit that takes it. */
import { SKEW_MS } from '../../core/billed-state.js';
import type { CommandOf, InboxMessage } from '../../core/command.js';
import { isCreditError } from '../../errors.js';
import type { MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import { isIdentifier } from '../../models/inputs/values.js';
import { providerKey } from '../../models/payment.js';
import type { PlanRow } from '../../models/plan.js';
import type { ProviderSubscriptionRow } from '../../models/provider-subscription.js';
import { answered } from '../pipeline/operation.js';
import { accountsOf, typesOf } from '../pipeline/renewals.js';
import type { Payments } from './payments.js';

const KINDS: ReadonlySet<string> = new Set([
  ...['invoice_paid', 'invoice_failed', 'subscription_changed', 'subscription_ended'],
]);

export function isBilling({ event }: InboxMessage): boolean {
  return KINDS.has(event.kind) && event.subscription !== null;
}

/** The refusals after which an event waits: the host can mend what is in the way. */
const MENDABLE = ['LIMIT_EXCEEDED', 'AMOUNT_TOO_LARGE', 'PLAN_NOT_FOUND', 'CONFIGURATION'] as const;

/**
 * - `applied`: in one commit with its message.
 * - `waiting`, `ignored`, `refused`: to be stored so, with the reason.
 */
export type Billed =
  | { readonly kind: 'applied' }
  | { readonly kind: 'waiting' | 'ignored' | 'refused'; readonly reason: string; readonly userId: string | null };

export class Billing<S> {
  constructor(readonly payments: Payments<S>) {}

  async apply(message: InboxMessage, rest: () => MutationOptions<S>): Promise<Billed> {
    const { event, provider } = message;
    const { id: own, customerId: customer, priceIds, periodStart } = event.subscription ?? NONE;
    const { reads, engine } = this.payments;
    const fresh = () => ({ signal: rest().signal, timeoutMs: rest().timeoutMs, fresh: true }) as ReadOptions<S>;
    const id = providerKey(provider, 'subscription', own);
    const customerId = customer === null ? null : providerKey(provider, 'customer', customer);
    const stored = await reads.get('provider_subscription', id, fresh());
    const known = customerId === null ? null : await reads.get('provider_customer', customerId, fresh());
    const named = isIdentifier(event.userId) ? event.userId : null;
    const userId = stored?.userId ?? known?.userId ?? named;
    if (userId === null) return { kind: 'waiting', reason: 'No user is known by what the event names.', userId };
    if (named !== null && named !== userId) return { kind: 'refused', reason: 'PAYMENT_MISMATCH: userId', userId };
    const plan = await this.#planOf(provider, priceIds, fresh());
    if (plan === null && priceIds.length > 0 && event.kind !== 'subscription_ended') {
      const reason = `No plan names the price ${priceIds[0]} of ${provider}.`;
      // Money that was paid waits for its plan; anything else of another product is none of ours.
      const kind = event.kind === 'invoice_paid' || stored !== null ? 'waiting' : 'ignored';
      return { kind, reason, userId };
    }
    const isWhole = periodStart !== null && event.subscription?.invoiceId != null;
    if (event.kind === 'invoice_paid' && plan !== null && !isWhole) {
      return { kind: 'refused', reason: 'The invoice names no id or no period.', userId };
    }
    // Credits roll over when their period has ended, and not a minute earlier.
    const skew = plan?.rolloverCap == null ? SKEW_MS : 0;
    if (event.kind === 'invoice_paid' && periodStart !== null && periodStart > engine.now() + skew) {
      const reason = `It pays for a period that begins at ${new Date(periodStart).toISOString()}.`;
      return { kind: 'waiting', reason, userId };
    }
    const planId = plan?.id ?? null;
    try {
      const command = { type: 'bill_subscription', id, customerId, planId, message } as const;
      await this.#commit(userId, stored, command, rest);
      return { kind: 'applied' };
    } catch (error) {
      if (!isCreditError(error, ...MENDABLE)) throw error;
      return { kind: 'waiting', reason: `${error.code}: ${error.message}`.slice(0, 1_000), userId };
    }
  }

  /** Messages of a subscription that wait, the oldest first. */
  async waitingFor(provider: string, id: string, options: ReadOptions<S>): Promise<InboxMessage[]> {
    return this.payments.waiting(provider, { index: 'link', equals: { providerLinkId: id } }, options);
  }

  async #commit(
    userId: string,
    stored: ProviderSubscriptionRow | null,
    command: CommandOf<'bill_subscription'>,
    rest: () => MutationOptions<S>,
  ): Promise<void> {
    const { reads, engine } = this.payments;
    const fresh = () => ({ signal: rest().signal, timeoutMs: rest().timeoutMs, fresh: true });
    const current = await reads.get('subscription', userId, fresh());
    const plans = [...(stored?.invoices ?? []), ...(stored?.changes ?? []), command].map(({ planId }) => planId);
    const types = current ? typesOf(current) : [];
    for (const planId of new Set(plans)) {
      const plan = planId === null ? null : await reads.get('plan', planId, fresh());
      if (plan) types.push(plan.creditType, ...plan.alsoGrants.map(({ creditType }) => creditType));
    }
    answered(
      await engine.mutate({
        ...{ operation: 'billing_event', given: {}, options: rest() },
        accounts: accountsOf(userId, types),
        documents: [`provider:${command.id}`],
        command: () => command,
      }),
    );
  }

  /** The plan that names one of these prices; of several the one that was made first. */
  async #planOf(provider: string, priceIds: readonly string[], options: ReadOptions<S>): Promise<PlanRow | null> {
    if (priceIds.length === 0) return null;
    let found: PlanRow | null = null;
    for await (const plans of this.payments.reads.pages('plan', { index: 'created' }, options)) {
      for (const plan of plans) {
        const prices = plan.providerPrices?.[provider] ?? [];
        if (priceIds.some((price) => prices.includes(price))) found = older(found, plan);
      }
    }
    return found;
  }
}

const NONE = { id: '', customerId: null, priceIds: [] as readonly string[], periodStart: null };

function older(found: PlanRow | null, plan: PlanRow): PlanRow {
  return found !== null && found.createdAt <= plan.createdAt ? found : plan;
}
