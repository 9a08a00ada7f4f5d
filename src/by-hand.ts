/** Makes single services for hosts that wire without a manager. Each shares the parts of a given credit service. */
import { creditError } from './errors.js';
import type { CreditService } from './services/credits/contract.js';
import type { ExpirationService } from './services/jobs/contract.js';
import type { LedgerService } from './services/ledger/contract.js';
import type { CreditManagement } from './services/manager/contract.js';
import type { NotificationService } from './services/notifications/contract.js';
import type { PaymentService } from './services/payments/contract.js';
import type { SubscriptionService } from './services/plans/contract.js';
import type { PromoService } from './services/promos/contract.js';

type Maker<Part extends keyof CreditManagement> = <S>(credits: CreditService<S>) => CreditManagement<S>[Part];

const managers = new WeakMap<object, unknown>();

/** Remembers the manager of these credit services. */
export function rememberManager<S, U extends string>(
  manager: CreditManagement<S, U>,
  services: Iterable<CreditService<S>>,
): void {
  for (const service of services) managers.set(service, manager);
}

/**
 * The manager behind a credit service: its jobs, its health, its events, and `close`.
 *
 * @throws CONFIGURATION for any value but a credit service of this library.
 * @example
 * const credits = createCreditService({ db });
 * process.once('SIGTERM', () => void creditManagementOf(credits).close());
 */
export function creditManagementOf<S>(credits: CreditService<S>): CreditManagement<S> {
  return managerOf('creditManagementOf', credits);
}

/**
 * Plans, subscriptions and cycles on a credit service. They share its database, its clock and its queue of writes.
 * Plans in a time zone need the option `temporal` of `createCreditService`.
 *
 * @throws CONFIGURATION for any value but a credit service of this library, and for a second argument.
 * @example
 * const credits = createCreditService({ db, ledger: { sink: new LedgerLogger({ filePath: 'logs/credits.jsonl' }) } });
 * const subscriptions = createSubscriptionService(credits);
 */
export const createSubscriptionService: <S>(credits: CreditService<S>) => SubscriptionService<S> = maker(
  'createSubscriptionService',
  'subscriptions',
);

/**
 * Expiry and allocation for one user on a credit service, for the host's own scheduler.
 *
 * @throws CONFIGURATION as {@link createSubscriptionService}.
 * @example const expired = await createExpirationService(credits).checkCreditExpiration('user-1');
 */
export const createExpirationService: <S>(credits: CreditService<S>) => ExpirationService<S> = maker(
  'createExpirationService',
  'expiration',
);

/**
 * Messages for people on a credit service. Give the `queue` to `createCreditService`, because commits write for it too.
 *
 * @throws CONFIGURATION as {@link createSubscriptionService}.
 * @example
 * const credits = createCreditService({ db, queue });
 * await createNotificationService(credits).notifyLowCredits('user-1');
 */
export const createNotificationService: <S>(credits: CreditService<S>) => NotificationService = maker(
  'createNotificationService',
  'notifications',
);

/**
 * Payments on a credit service. Prices and providers are the option `payments` of `createCreditService`; providers can
 * also be registered later.
 *
 * @throws CONFIGURATION as {@link createSubscriptionService}.
 * @example createPaymentService(credits).registerProvider(stripeProvider({ secretKey, webhookSecret }));
 */
export const createPaymentService: <S>(credits: CreditService<S>) => PaymentService<S> = maker(
  'createPaymentService',
  'payments',
);

/**
 * Promo codes on a credit service: a claim and its credits are one commit.
 *
 * @throws CONFIGURATION as {@link createSubscriptionService}.
 * @example await createPromoService(credits).claimPromo('user-1', 'WELCOME');
 */
export const createPromoService: <S>(credits: CreditService<S>) => PromoService<S> = maker(
  'createPromoService',
  'promos',
);

/**
 * The ledger of a credit service: queries, verification, and repair of its file or sink.
 *
 * @throws CONFIGURATION as {@link createSubscriptionService}.
 * @example const { ok } = await createLedgerService(credits).verify();
 */
export const createLedgerService: <S>(credits: CreditService<S>) => LedgerService = maker(
  'createLedgerService',
  'ledger',
);

function maker<Part extends keyof CreditManagement>(name: string, part: Part): Maker<Part> {
  return <S>(credits: CreditService<S>, ...others: readonly unknown[]) => {
    if (others.some((other) => other !== undefined)) {
      throw wrong(`${name} takes the credit service alone; queue, temporal and ledger go to createCreditService`);
    }
    return managerOf(name, credits)[part];
  };
}

function managerOf<S>(name: string, credits: CreditService<S>): CreditManagement<S> {
  const found = typeof credits === 'object' && credits !== null ? managers.get(credits) : undefined;
  if (found !== undefined) return found as CreditManagement<S>;
  throw wrong(`${name} was not given a credit service; give it createCreditService({ … }) or manager.credits`);
}

function wrong(problem: string) {
  return creditError('CONFIGURATION', `${problem}.`, { problems: [problem] });
}
