/** Messages of other systems: the receipt of each that was taken, and those that nothing could be done with. */
import { z } from 'zod';
import { defineModel } from './define-model.js';

export const inboxSchema = z.object({
  id: z.string().describe('Subject and event in one text: what makes a message that comes again the same one.'),
  version: z.int(),
  subject: z.string().describe('The subject that it came by.'),
  eventId: z.string().describe("The sender's id of the event."),
  fingerprint: z.string().describe('SHA-256 of its payload: the same id with another payload is another message.'),
  userId: z.string().nullable().describe('The user that it names; null where it names none.'),
  operationId: z.string().nullable().describe('The operation that it made; null where it made none that is known.'),
  correlationId: z.string().describe('The correlation id of what it made.'),
  stream: z.string().nullable().describe('The stream that it came from; null where that is not known.'),
  sequence: z.int().nullable().describe('Its sequence in that stream; null where that is not known.'),
  receivedAt: z.date().describe('When it was taken.'),
});
export type InboxRow = Readonly<z.infer<typeof inboxSchema>>;

export const inboxModel = defineModel('inbox', inboxSchema, 'id', [
  { name: 'operation', fields: ['operationId'], unique: false },
  { name: 'correlation', fields: ['correlationId'], unique: false },
  { name: 'user', fields: ['userId', 'receivedAt'], unique: false },
  { name: 'received', fields: ['receivedAt'], unique: false },
]);

export const deadLetterStatusSchema = z.enum(['open', 'replayed', 'dropped']);
export type DeadLetterStatus = z.infer<typeof deadLetterStatusSchema>;

export const deadLetterSchema = z.object({
  id: z.string().describe('Names the dead letter; the same for a message that comes again.'),
  version: z.int(),
  subject: z.string().describe('The subject that it came by.'),
  status: deadLetterStatusSchema.describe('`open` until somebody replays or drops it.'),
  code: z.string().describe('The code of the error that its last attempt ended with.'),
  reason: z.string().describe('The message of that error.'),
  body: z.string().describe('Its bytes, in Base64.'),
  bytes: z.int().describe('How many bytes it had; more than `body` has where it was too large to be kept.'),
  eventId: z.string().nullable().describe("The sender's id of the event; null where none can be read."),
  userId: z.string().nullable().describe('The user that it names; null where none can be read.'),
  correlationId: z.string().nullable().describe('The correlation id that it names; null where none can be read.'),
  stream: z.string().nullable().describe('The stream that it came from; null where that is not known.'),
  sequence: z.int().nullable().describe('Its sequence in that stream; null where that is not known.'),
  attempts: z.int().describe('How often it was tried.'),
  receivedAt: z.date().describe('When it came.'),
  resolvedAt: z.date().nullable().describe('When it was replayed or dropped; null until then.'),
});
export type DeadLetterRow = Readonly<z.infer<typeof deadLetterSchema>>;

export const deadLetterModel = defineModel('dead_letter', deadLetterSchema, 'id', [
  { name: 'status', fields: ['status', 'receivedAt'], unique: false },
  { name: 'received', fields: ['receivedAt'], unique: false },
]);
