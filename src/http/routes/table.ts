/** All routes. The routing, the OpenAPI document, the matrix of rights and the table in README.md are made of it. */
import { forAdmins, type Route } from '../route.js';
import { inboxRoutes } from './inbox.js';
import { operationRoutes } from './operations.js';
import { paymentAdminRoutes, paymentReads, paymentRoutes } from './payments.js';
import { planTable, subscriptionReads } from './plans.js';
import { claimReads, claimRoutes, promoRoutes } from './promos.js';
import { readRoutes } from './reads.js';
import { spendingRoutes } from './spending.js';

const ownReads = [...readRoutes, ...subscriptionReads, ...claimReads, ...paymentReads];

const all: readonly Route[] = [
  ...ownReads,
  ...claimRoutes,
  ...paymentRoutes,
  ...spendingRoutes,
  ...planTable,
  ...promoRoutes,
  ...paymentAdminRoutes,
  ...operationRoutes,
  ...inboxRoutes,
  ...ownReads.map(forAdmins),
];

/** The routes for users; `/health` is open to everybody. */
export const userRoutes: readonly Route[] = all.filter(({ who }) => who !== 'admin');

/** The routes that need `authorize`. */
export const adminRoutes: readonly Route[] = all.filter(({ who }) => who !== 'user');
