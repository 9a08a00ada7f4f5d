/** All seeded bugs. */

import { ACCESS_BUGS } from './seeded-access.js';
import { BILLING_BUGS } from './seeded-billing.js';
import type { SeededBug } from './seeded-bug.js';
import { CHANGE_BUGS } from './seeded-changes.js';
import { CLI_BUGS } from './seeded-cli.js';
import { CORE_BUGS } from './seeded-core.js';
import { COST_BUGS } from './seeded-cost.js';
import { DATABASE_BUGS } from './seeded-databases.js';
import { DEDUCTION_BUGS } from './seeded-deduction.js';
import { EDGE_BUGS } from './seeded-edges.js';
import { EVENT_BUGS } from './seeded-events.js';
import { HTTP_BUGS } from './seeded-http.js';
import { INBOX_BUGS } from './seeded-inbox.js';
import { JOB_BUGS } from './seeded-jobs.js';
import { LEDGER_BUGS } from './seeded-ledger.js';
import { LOT_BUGS } from './seeded-lots.js';
import { MERCHANT_BUGS } from './seeded-merchants.js';
import { METERING_BUGS } from './seeded-metering.js';
import { MODEL_BUGS } from './seeded-model.js';
import { ORDER_BUGS } from './seeded-orders.js';
import { PAYMENT_CORE_BUGS } from './seeded-payment-core.js';
import { PAYMENT_BUGS } from './seeded-payments.js';
import { PLAN_BUGS } from './seeded-plans.js';
import { PLANS_REST_BUGS } from './seeded-plans-rest.js';
import { PROMO_BUGS } from './seeded-promos.js';
import { READ_BUGS } from './seeded-reads.js';
import { REDIS_BUGS } from './seeded-redis.js';
import { RENEWAL_BUGS } from './seeded-renewals.js';
import { SERVE_BUGS } from './seeded-serve.js';
import { SERVICE_BUGS } from './seeded-services.js';
import { TOP_UP_BUGS } from './seeded-top-up.js';
import { TRACING_BUGS } from './seeded-tracing.js';

const ALL = [
  ...CORE_BUGS,
  ...SERVICE_BUGS,
  ...LEDGER_BUGS,
  ...EVENT_BUGS,
  ...CHANGE_BUGS,
  ...PLAN_BUGS,
  ...PLANS_REST_BUGS,
  ...PROMO_BUGS,
  ...JOB_BUGS,
  ...EDGE_BUGS,
  ...DATABASE_BUGS,
  ...METERING_BUGS,
  ...RENEWAL_BUGS,
  ...MODEL_BUGS,
  ...LOT_BUGS,
  ...READ_BUGS,
  ...CLI_BUGS,
  ...HTTP_BUGS,
  ...DEDUCTION_BUGS,
  ...PAYMENT_BUGS,
  ...PAYMENT_CORE_BUGS,
  ...BILLING_BUGS,
  ...TOP_UP_BUGS,
  ...ACCESS_BUGS,
  ...MERCHANT_BUGS,
  ...ORDER_BUGS,
  ...INBOX_BUGS,
  ...SERVE_BUGS,
  ...TRACING_BUGS,
  ...COST_BUGS,
  ...REDIS_BUGS,
];
export const SEEDED_BUGS: readonly SeededBug[] = ALL.sort((a, b) => (a.id < b.id ? -1 : 1));
