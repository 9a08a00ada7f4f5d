/** A manager whose every answer is checked by the schema that the package exports for it. */
import { z } from 'zod';
import * as library from '../../src/index.js';

/** A schema, or what checks an answer that holds more than data and answers it as it is to be handed on. */
type Check = z.ZodType | ((answer: unknown) => unknown);
type Checks = Readonly<Record<string, Readonly<Record<string, Check>>>>;
type Verb = (...given: unknown[]) => unknown;
/** Told of every answer that was checked, under `service.verb`. */
export type Heard = (verb: string, answer: unknown, check: Check) => void;

const applied = (schema: z.ZodObject) =>
  schema.extend({ replayed: z.boolean(), dryRun: library.DryRunSchema.optional() });
const page = (item: z.ZodType) => z.strictObject({ items: z.array(item), nextCursor: z.string().nullable() });
const credits = z.number().min(0);
const count = z.int().min(0);
const nothing = z.undefined();

const transaction = applied(library.CreditsTransactionSchema);
const reservation = applied(library.ReservationSchema);
const account = applied(library.UserCreditsInfoSchema);
const plan = applied(library.SubscriptionPlanSchema);
const subscription = applied(library.UserSubscriptionSchema);
const cycle = applied(library.CycleSchema);
const promo = applied(library.PromoSchema);
const payment = applied(library.PaymentSchema);
const job = library.JobReportSchema;

/** By service and verb; a verb that is missing here is not handed out. */
export const ANSWERS: Checks = {
  credits: {
    addCredits: transaction,
    deductCredits: transaction,
    deductCreditsAfterService: transaction,
    adjustCredits: transaction,
    reserveCredits: reservation,
    commitReservedCredits: transaction,
    releaseReservedCredits: reservation,
    unreserveCredits: reservation,
    extendReservation: reservation,
    reverseTransaction: transaction,
    voidGrant: transaction,
    updateGrant: transaction,
    transferCredits: z.strictObject({ out: transaction, in: transaction }),
    expireCredits: credits,
    createAccount: account,
    updateAccount: account,
    getAccount: library.AccountInfoSchema.nullable(),
    getUserCreditsInfo: library.UserCreditsInfoSchema,
    getUsersCreditsInfo: z.array(library.UserCreditsInfoSchema),
    getReservedCredits: credits,
    getBalanceAt: library.UserCreditsInfoSchema,
    getCreditHistory: page(library.CreditsTransactionSchema),
    getTransactionPage: library.TransactionPageSchema,
    getBalanceBreakdown: library.BalanceBreakdownSchema,
    explainTransaction: library.ExplanationSchema.nullable(),
    getGrantUsage: page(library.GrantUseSchema),
    getUsageSummary: z.array(library.UsageSummarySchema),
    getForecast: library.ForecastSchema,
    getTransaction: library.CreditsTransactionSchema.nullable(),
    getExpiringCreditsInDays: z.array(library.GrantSchema),
    getGrants: page(library.GrantSchema),
    getActiveReservations: page(library.ReservationSchema),
    getReservation: library.ReservationSchema.nullable(),
    previewDeduction: library.DeductionPreviewSchema,
    canAfford: z.boolean(),
    listAccounts: library.AccountListSchema,
    // What the work answered is the host's own.
    withCredits: z.unknown(),
    openMeter: meterOf,
  },
  subscriptions: {
    addSubscriptionPlan: plan,
    definePlans: library.DefinitionReportSchema,
    updateSubscriptionPlan: plan,
    deactivateSubscriptionPlan: plan,
    activateSubscriptionPlan: plan,
    deleteSubscriptionPlan: z.boolean(),
    getSubscriptionPlan: library.SubscriptionPlanSchema.nullable(),
    listSubscriptionPlans: page(library.SubscriptionPlanSchema),
    setUserSubscriptionPlan: subscription,
    changeUserSubscriptionPlan: subscription,
    upgradeUserSubscriptionPlan: subscription,
    renewSubscription: subscription,
    previewChange: library.ChangePreviewSchema,
    cancelUserSubscription: subscription,
    setGracePeriod: subscription,
    pauseUserSubscription: subscription,
    resumeUserSubscription: subscription,
    deleteUserSubscriptionPlan: z.boolean(),
    getUserSubscriptionPlan: library.UserSubscriptionSchema.nullable(),
    getUserSubscription: library.CurrentSubscriptionSchema.nullable(),
    listSubscriptions: page(library.UserSubscriptionSchema),
    getSubscriptionHistory: page(library.SubscriptionChangeSchema),
    startCycle: cycle,
    stopCycle: cycle,
    getCycle: library.CycleSchema.nullable(),
    listCycles: page(library.CycleSchema),
  },
  expiration: { checkCreditExpiration: credits, allocateSubscriptionCredits: library.AllocationSchema },
  promos: {
    createPromo: promo,
    definePromos: library.DefinitionReportSchema,
    updatePromo: promo,
    togglePromo: promo,
    getPromo: library.PromoSchema.nullable(),
    listPromos: page(library.PromoSchema),
    checkEligibility: library.EligibilitySchema,
    claimPromo: library.ClaimResultSchema,
    listClaims: page(library.PromoClaimSchema),
  },
  payments: {
    createPaymentLink: payment,
    checkout: library.PlanCheckoutSchema,
    recordPayment: payment,
    getPayment: library.PaymentSchema.nullable(),
    getPaymentHistory: library.PaymentHistorySchema,
    handleWebhook: library.WebhookResultSchema,
    refundPayment: library.PaymentSchema,
    setAutoTopUp: library.AutoTopUpSchema.nullable(),
    getAutoTopUp: library.AutoTopUpSchema.nullable(),
    reconcilePayments: library.ReconcileReportSchema,
    listMessages: page(library.PaymentMessageSchema),
    registerProvider: nothing,
    listProviders: z.array(z.string()),
    // A provider is the host's own.
    getProvider: (answer: unknown) => answer,
  },
  orders: {
    orderPaid: payment.nullable(),
    orderRefunded: library.WebhookResultSchema,
    billingPaid: payment,
  },
  access: {
    getStatus: library.AccessInfoSchema,
    getStatuses: z.array(library.AccessInfoSchema),
    countStatuses: library.AccessCountsSchema,
    // It answers a function.
    watch: (answer: unknown) => answer,
  },
  notifications: {
    notifyLowCredits: z.boolean(),
    notifyExpiringCredits: z.boolean(),
    notifyExpiringForAll: library.ExpiringReportSchema,
    notifyTransactionError: nothing,
    listNotifications: page(library.NotificationSchema),
  },
  ledger: {
    verify: library.VerifyReportSchema,
    reconcile: z.strictObject({ added: count }),
    rebuildFile: z.strictObject({ lines: count, replaced: z.string().nullable() }),
    list: page(library.LedgerEntrySchema),
    auditTrail: page(library.AuditedEntrySchema),
    countEntries: z.int().min(0),
  },
  jobs: {
    runExpiration: job.extend({ job: z.literal('expiration') }),
    runAllocation: job.extend({ job: z.literal('allocation') }),
    runReservationExpiry: job.extend({ job: z.literal('reservation_expiry') }),
    runExpiringNotifications: library.ExpiringJobReportSchema,
    runOutbox: library.OutboxJobReportSchema,
    runPayments: library.PaymentsJobReportSchema,
    runAll: z.array(
      z.union([job, library.ExpiringJobReportSchema, library.OutboxJobReportSchema, library.PaymentsJobReportSchema]),
    ),
  },
  outbox: {
    listSinks: z.array(library.SinkInfoSchema),
    retryFailed: z.strictObject({ retried: count }),
    replay: z.strictObject({ replayed: count }),
    removeSink: z.boolean(),
  },
  inbox: {
    receive: library.ReceptionSchema,
    on: nothing,
    // It answers a function.
    onSubject: (answer: unknown) => answer,
    getReceipt: library.MessageReceiptSchema.nullable(),
    listDeadLetters: page(library.DeadLetterSchema),
    getDeadLetter: library.DeadLetterSchema.nullable(),
    replayDeadLetter: library.ReceptionSchema,
    dropDeadLetter: library.DeadLetterSchema,
  },
  manager: { init: nothing, health: library.HealthSchema, start: nothing, close: nothing },
};

/** The value, if it is what the schema says; else an error that names the verb and what is wrong. */
export function checked<T>(name: string, check: Check, value: T): T {
  if (typeof check === 'function') return check(value) as T;
  const { success, error } = check.safeParse(value);
  if (success) return value;
  throw new Error(`${name} answered what its schema does not know:\n${z.prettifyError(error)}`);
}

/** A meter whose reservation and settlement are checked. */
function meterOf(answer: unknown): unknown {
  const meter = answer as library.Meter;
  checked('openMeter', reservation, meter.reservation);
  return new Proxy(meter, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const call = value.bind(target) as Verb;
      if (name !== 'settle') return call;
      return async () => checked('meter.settle', transaction.nullable(), await call());
    },
  });
}

/**
 * The same manager; what its verbs answer, and what events it tells of, is checked. A verb without a schema is refused.
 * `heard` is told of each answer.
 */
export function checkedManager<M extends object>(manager: M, heard: Heard = () => {}): M {
  const services = new Map<object, object>();

  function verb(name: string, check: Check | undefined, call: Verb): Verb {
    if (!check) throw new Error(`${name} has no schema: give it one in ${import.meta.url}`);
    const tell = (answer: unknown) => {
      const handedOut = checked(name, check, answer);
      heard(name, answer, check);
      return handedOut;
    };
    return (...given) => {
      const answer = call(...given);
      return answer instanceof Promise ? answer.then(tell) : tell(answer);
    };
  }

  function serviceOf(name: string, service: object): object {
    const known = services.get(service);
    if (known) return known;
    const calls = Object.entries(service).map(([field, call]) => [
      field,
      verb(`${name}.${field}`, ANSWERS[name]?.[field], call as Verb),
    ]);
    const made = Object.fromEntries(calls) as object;
    services.set(service, made);
    return made;
  }

  return new Proxy(manager, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof name === 'symbol') return typeof value === 'function' ? value.bind(target) : value;
      if (name === 'creditType') return (type: unknown) => serviceOf('credits', (value as Verb)(type) as object);
      if (name === 'on') {
        return (type: unknown, handler: unknown) =>
          (value as Verb)(type, typeof handler === 'function' ? eventHandler(handler as Verb) : handler);
      }
      const check = ANSWERS.manager?.[name];
      if (check) return verb(`manager.${name}`, check, value as Verb);
      return name in ANSWERS ? serviceOf(name, value as object) : value;
    },
  });

  function eventHandler(handler: Verb): Verb {
    return (event) => {
      heard('manager.on', checked('manager.on', library.CreditEventSchema, event), library.CreditEventSchema);
      return handler(event);
    };
  }
}
