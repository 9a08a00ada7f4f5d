/** Messages of other systems, for operators: receipts, dead letters, and the audit trail of an account. */
import { mutationShape } from '../../models/inputs/credits.js';
import { deadLetterReplaySchema, deadLettersSchema, subjectSchema } from '../../models/inputs/inbox.js';
import { auditTrailSchema } from '../../models/inputs/ledger.js';
import { identifierSchema } from '../../models/inputs/values.js';
import { strictObject } from '../../models/strict-object.js';
import { type Route, route } from '../route.js';

const operator = { method: 'GET', who: 'admin', tag: 'Messages' } as const;
const letters = '/admin/credits/dead-letters';
const id = { deadLetterId: identifierSchema };
const example = { dead_letter_id: 'dl_0123456789abcdef0123456789abcdef01234567' };
const repaired = {
  ...{ event_id: 'event-2', event_type: 'evt.merchant.created', timestamp: '2030-01-01T00:00:00Z' },
  payload: { merchant_id: 'shop-7' },
};
const keyed = { idempotencyKey: mutationShape.idempotencyKey };

export const inboxRoutes: readonly Route[] = [
  route({
    ...{ ...operator, name: 'getAuditTrail', path: '/admin/credits/audit/{user_id}', answer: 'AuditTrail' },
    summary: 'The entries of an account in their order, checked, with the messages that asked for them',
    ...{ args: { userId: identifierSchema }, options: auditTrailSchema, example: { user_id: 'user-1' } },
    run: ({ manager }, { userId }, options) => manager.ledger.auditTrail(userId, options),
  }),
  route({
    ...{ ...operator, name: 'getReceipt', path: '/admin/credits/messages/{subject}/{event_id}', answer: 'Receipt' },
    ...{ summary: 'The receipt of a message: the call that it made', errors: ['NOT_FOUND'] },
    args: { subject: subjectSchema, eventId: identifierSchema },
    example: { subject: 'evt.merchant.created', event_id: 'event-1' },
    run: ({ manager }, { subject, eventId }) => manager.inbox.getReceipt(subject, eventId),
  }),
  route({
    ...{ ...operator, name: 'listDeadLetters', path: letters, options: deadLettersSchema, answer: 'DeadLetters' },
    ...{ summary: 'Messages that nothing could be done with, newest first', example: { status: 'open' } },
    run: ({ manager }, _, options) => manager.inbox.listDeadLetters(options),
  }),
  route({
    ...{ ...operator, name: 'getDeadLetter', path: `${letters}/{dead_letter_id}`, args: id, answer: 'DeadLetter' },
    ...{ summary: 'One of them', errors: ['NOT_FOUND'], example },
    run: ({ manager }, { deadLetterId }) => manager.inbox.getDeadLetter(deadLetterId),
  }),
  route({
    ...{ ...operator, method: 'POST', name: 'replayDeadLetter', path: `${letters}/{dead_letter_id}/replay` },
    ...{ summary: 'Apply one of them after the reason is mended, once', args: id, answer: 'Reception' },
    ...{ options: strictObject({ ...deadLetterReplaySchema.shape, ...keyed }), errors: ['NOT_FOUND'] },
    example: { ...example, body: JSON.stringify(repaired) },
    run: ({ manager }, { deadLetterId }, { body }: { body?: string }) =>
      manager.inbox.replayDeadLetter(deadLetterId, { body }),
  }),
  route({
    ...{ ...operator, method: 'DELETE', name: 'dropDeadLetter', path: `${letters}/{dead_letter_id}` },
    ...{ summary: 'Close one of them without applying it', args: id, answer: 'DeadLetter' },
    ...{ options: strictObject(keyed), errors: ['NOT_FOUND'], example },
    run: ({ manager }, { deadLetterId }) => manager.inbox.dropDeadLetter(deadLetterId),
  }),
];
