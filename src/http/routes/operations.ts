/** What operators look at: health, the ledger, the outbox, jobs and notifications. */
import { z } from 'zod';
import { mutationShape } from '../../models/inputs/credits.js';
import { ledgerQuerySchema } from '../../models/inputs/ledger.js';
import { notificationQuerySchema, sinkNameSchema } from '../../models/inputs/notifications.js';
import type { CreditManagement } from '../../services/manager/contract.js';
import { type Route, route } from '../route.js';
import { unhealthy } from './health.js';

const operator = { method: 'GET', who: 'admin', tag: 'Operations' } as const;
const JOB_ENTRIES = 100;

/** Of each job, the last run that did something: runs leave their reports in the ledger. */
async function jobStates({ ledger }: CreditManagement<unknown, string>): Promise<{ items: object[] }> {
  const { items } = await ledger.list({ types: ['system'], limit: JOB_ENTRIES });
  const states = new Map<string, object>();
  for (const { details } of items) {
    if (typeof details.job === 'string' && !states.has(details.job)) states.set(details.job, details);
  }
  return { items: [...states.values()] };
}

export const operationRoutes: readonly Route[] = [
  route({
    ...{ ...operator, who: 'anyone', name: 'getHealth', path: '/health', answer: 'Alive' },
    ...{ summary: 'Whether the credits can be reached, for a readiness probe', status: unhealthy },
    run: ({ manager }) => manager.health(),
  }),
  route({
    ...{ ...operator, name: 'getHealthDetails', path: '/admin/credits/health', answer: 'Health' },
    ...{ summary: 'The health of each part', status: unhealthy },
    run: ({ manager }) => manager.health(),
  }),
  route({
    ...{ ...operator, name: 'listLedger', path: '/admin/credits/ledger', summary: 'The entries of the ledger' },
    ...{ options: ledgerQuerySchema, answer: 'LedgerEntries', example: { user_id: 'user-1', limit: '10' } },
    run: ({ manager }, _, options) => manager.ledger.list(options),
  }),
  route({
    ...{ ...operator, name: 'listJobs', path: '/admin/credits/jobs', answer: 'Jobs' },
    summary: 'Of each job, the last run that did something',
    run: ({ manager }) => jobStates(manager),
  }),
  route({
    ...{ ...operator, name: 'listOutbox', path: '/admin/credits/outbox', answer: 'Outbox' },
    summary: 'The sinks of events, with what waits for them and what they refused',
    run: async ({ manager }) => ({ items: await manager.outbox.listSinks() }),
  }),
  route({
    ...{ ...operator, method: 'POST', name: 'retryOutbox', path: '/admin/credits/outbox/retry', answer: 'Retried' },
    summary: 'Deliver again what sinks refused too often',
    options: z.strictObject({ sink: sinkNameSchema.optional(), idempotencyKey: mutationShape.idempotencyKey }),
    example: {},
    run: ({ manager }, _, { sink }: { sink?: string }) => manager.outbox.retryFailed(sink),
  }),
  route({
    ...{ ...operator, name: 'listNotifications', path: '/admin/credits/notifications', answer: 'Notifications' },
    ...{ summary: 'The messages for people, with their delivery', options: notificationQuerySchema },
    example: { user_id: 'user-1' },
    run: ({ manager }, _, options) => manager.notifications.listNotifications(options),
  }),
];
