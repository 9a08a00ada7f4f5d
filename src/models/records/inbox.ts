/** Messages of other systems: what became of one, its receipt, and the dead letters. */
import { z } from 'zod';
import { deadLetterStatusSchema } from '../inbox.js';
import { strictObject } from '../strict-object.js';
import { count, identifier, instant } from './fields.js';

const text = z.string().nullable();

export const MessageReceiptSchema = strictObject({
  /** The subject that it came by. */
  subject: z.string().describe('The subject that it came by.'),
  /** The sender's id of the event. */
  eventId: identifier.describe("The sender's id of the event."),
  /** The user that it names; null where it names none. */
  userId: identifier.nullable().describe('The user that it names; null where it names none.'),
  /** The call that it made, as its entries name it; null where it made none that is known. */
  operationId: identifier
    .nullable()
    .describe('The call that it made, as its entries name it; null where it made none that is known.'),
  /** The correlation id of what it made. */
  correlationId: identifier.describe('The correlation id of what it made.'),
  /** The stream that it came from; null where that is not known. */
  stream: text.describe('The stream that it came from; null where that is not known.'),
  /** Its sequence in that stream; null where that is not known. */
  sequence: count.nullable().describe('Its sequence in that stream; null where that is not known.'),
  /** When it was taken. */
  receivedAt: instant.describe('When it was taken.'),
});
/** Tells that a message was taken, and the call that it made. */
export interface MessageReceipt extends Readonly<z.infer<typeof MessageReceiptSchema>> {}

export const DeadLetterSchema = strictObject({
  /** Names the dead letter. */
  id: identifier.describe('Names the dead letter.'),
  /** The subject that it came by. */
  subject: z.string().describe('The subject that it came by.'),
  /** `open` until somebody replays or drops it. */
  status: deadLetterStatusSchema.describe('`open` until somebody replays or drops it.'),
  /** The code of the error that its last attempt ended with. */
  code: z.string().describe('The code of the error that its last attempt ended with.'),
  /** The message of that error. */
  reason: z.string().describe('The message of that error.'),
  /** Its body, as text; bytes that are no UTF-8 are replaced. */
  body: z.string().describe('Its body, as text; bytes that are no UTF-8 are replaced.'),
  /** How many bytes it had; more than 4 MiB are not kept. */
  bytes: count.describe('How many bytes it had; more than 4 MiB are not kept.'),
  /** The sender's id of the event; null where none can be read. */
  eventId: identifier.nullable().describe("The sender's id of the event; null where none can be read."),
  /** The user that it names; null where none can be read. */
  userId: identifier.nullable().describe('The user that it names; null where none can be read.'),
  /** The correlation id that it names; null where none can be read. */
  correlationId: identifier.nullable().describe('The correlation id that it names; null where none can be read.'),
  /** The stream that it came from; null where that is not known. */
  stream: text.describe('The stream that it came from; null where that is not known.'),
  /** Its sequence in that stream; null where that is not known. */
  sequence: count.nullable().describe('Its sequence in that stream; null where that is not known.'),
  /** How often it was tried. */
  attempts: count.describe('How often it was tried.'),
  /** When it came. */
  receivedAt: instant.describe('When it came.'),
  /** When it was replayed or dropped; null until then. */
  resolvedAt: instant.nullable().describe('When it was replayed or dropped; null until then.'),
});
/** A message that nothing could be done with, and why. */
export interface DeadLetter extends Readonly<z.infer<typeof DeadLetterSchema>> {}

export const ReceptionSchema = strictObject({
  /** `applied` by this call, `replayed` where it was taken before, `dead_lettered` where it can never be. */
  outcome: z
    .enum(['applied', 'replayed', 'dead_lettered'])
    .describe('`applied` by this call, `replayed` where it was taken before, `dead_lettered` where it can never be.'),
  /** Why it is a dead letter; null otherwise. */
  reason: text.describe('Why it is a dead letter; null otherwise.'),
  /** The dead letter; null otherwise. */
  deadLetterId: identifier.nullable().describe('The dead letter; null otherwise.'),
});
/** What became of a message. */
export interface Reception extends Readonly<z.infer<typeof ReceptionSchema>> {}
