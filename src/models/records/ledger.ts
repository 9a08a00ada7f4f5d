/** The ledger: its entries, and what an audit of them finds. */
import { z } from 'zod';
import { entryTypeSchema } from '../entry.js';
import { ledgerEventTypeSchema } from '../enums.js';
import { strictObject } from '../strict-object.js';
import { count, credits, identifier, instant, jsonObject } from './fields.js';
import { MessageReceiptSchema } from './inbox.js';

export const LedgerEntrySchema = strictObject({
  /** Names the entry for ever. */
  id: identifier.describe('Names the entry for ever.'),
  /** A transaction, a refusal (error), or an act of the library (system). */
  eventType: ledgerEventTypeSchema.describe('A transaction, a refusal (error), or an act of the library (system).'),
  /** The type of the change; error and system for entries of these event types. */
  type: entryTypeSchema.describe('The type of the change; error and system for entries of these event types.'),
  /** The verb that wrote it. */
  operation: z.string().describe('The verb that wrote it.'),
  /** Names the call; all entries of one call share it. */
  operationId: identifier.describe('Names the call; all entries of one call share it.'),
  /** The user it is about; null for the library's own acts. */
  userId: identifier.nullable().describe("The user it is about; null for the library's own acts."),
  /** The credit type; null for the library's own acts. */
  creditType: identifier.nullable().describe("The credit type; null for the library's own acts."),
  /** Position in the account's chain, from 1; 0 outside any chain. */
  seq: count.describe("Position in the account's chain, from 1; 0 outside any chain."),
  /** A text for people: the change that happened. */
  message: z.string().describe('A text for people: the change that happened.'),
  /** Credits that were asked for or moved, never negative. */
  amount: credits.min(0).describe('Credits that were asked for or moved, never negative.'),
  /** The change of the balance, in credits. */
  delta: credits.describe('The change of the balance, in credits.'),
  /** The balance after it, in credits. */
  balanceAfter: credits.describe('The balance after it, in credits.'),
  /** The available credits after it. */
  availableAfter: credits.describe('The available credits after it.'),
  /** Names the request it belongs to; null without one. */
  correlationId: z.string().nullable().describe('Names the request it belongs to; null without one.'),
  /** The one who made the call; null where nobody was named. */
  actor: z.string().nullable().describe('The one who made the call; null where nobody was named.'),
  /** The reason for the call; null where none was given. */
  reason: z.string().nullable().describe('The reason for the call; null where none was given.'),
  /** A text from the caller; null without one. */
  description: z.string().nullable().describe('A text from the caller; null without one.'),
  /** Data that the caller gave with the call; {} without any. */
  metadata: jsonObject.describe('Data that the caller gave with the call; {} without any.'),
  /**
   * For refusals the `code` and the numbers in credits; for others data that a replay needs, amounts in micro-units.
   */
  details: jsonObject.describe(
    'For refusals the `code` and the numbers in credits; for others data that a replay needs, amounts in micro-units.',
  ),
  /** The instant it took effect. */
  createdAt: instant.describe('The instant it took effect.'),
  /** SHA-256 of its canonical bytes, in hex. */
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable()
    .describe('SHA-256 of its canonical bytes, in hex.'),
});
/** A ledger entry of any kind, amounts in credits. `userId` and `creditType` are null for the library's own acts. */
export interface LedgerEntry extends Readonly<z.infer<typeof LedgerEntrySchema>> {}

export const AuditedEntrySchema = strictObject({
  ...LedgerEntrySchema.shape,
  /** The hash of the entry before it in the account's chain; null for the first, and outside any chain. */
  prev: z
    .string()
    .nullable()
    .describe("The hash of the entry before it in the account's chain; null for the first, and outside any chain."),
  /** The key of the call; null where none was given. */
  idempotencyKey: z.string().nullable().describe('The key of the call; null where none was given.'),
  /** The messages of other systems that asked for it. */
  messages: z
    .array(MessageReceiptSchema.readonly())
    .readonly()
    .describe('The messages of other systems that asked for it.'),
  /** What is wrong with the entry, or with its place in the chain; empty where nothing is. */
  problems: z
    .array(z.string())
    .readonly()
    .describe('What is wrong with the entry, or with its place in the chain; empty where nothing is.'),
});
/** An entry of one account, checked against the one before it, with the messages that asked for it. */
export interface AuditedEntry extends Readonly<z.infer<typeof AuditedEntrySchema>> {}

const problemKindSchema = z.enum([
  ...(['sequence', 'chain', 'hash', 'balance', 'available', 'time', 'columns', 'future'] as const),
  ...(['account', 'grant', 'hold', 'subscription', 'cycle', 'promo', 'payment', 'top_up'] as const),
  ...(['file_missing', 'file_differs', 'file_unknown', 'file_damaged'] as const),
]);
/**
 * - `sequence`, `chain`, `hash`, `balance`, `available`, `time`, `columns`: the entry with this id is wrong in this.
 * - `future`: an operation is dated later than now.
 * - `account`, `grant`, `hold`, `subscription`, `cycle`, `promo`, `payment`, `top_up`: the row with this id is missing,
 *   or differs from the one that the entries make. An `account` also counts its error entries, a `promo` its claims.
 * - `file_missing`, `file_differs`: the entry with this id has no line, or one with other content.
 * - `file_unknown`: the line with this id is of this ledger, and the database does not have its entry.
 * - `file_damaged`: the line cannot be read; the id is `line N`.
 */
export type ProblemKind = z.infer<typeof problemKindSchema>;

export const ProblemSchema = strictObject({
  /** The kind of the problem. */
  kind: problemKindSchema.describe('The kind of the problem.'),
  /** The entry, account, grant or hold it is about; `line N` of the file where no id can be read. */
  id: z
    .string()
    .describe('The entry, account, grant or hold it is about; `line N` of the file where no id can be read.'),
  /** A text for people: the value found and the value expected. */
  message: z.string().describe('A text for people: the value found and the value expected.'),
});
export interface Problem extends Readonly<z.infer<typeof ProblemSchema>> {}

export const VerifyReportSchema = strictObject({
  /** Whether nothing is wrong. */
  ok: z.boolean().describe('Whether nothing is wrong.'),
  /** Entries checked. */
  checked: count.describe('Entries checked.'),
  /** The first thousand problems. */
  problems: z.array(ProblemSchema.readonly()).max(1_000).readonly().describe('The first thousand problems.'),
  /** The number of all problems. */
  problemCount: count.describe('The number of all problems.'),
  /**
   * Null without a file. `foreign`: lines of another ledger or program, not judged. `torn`: pieces of lines whose
   * writer died, harmless when the entry stands whole elsewhere, which is checked.
   */
  file: strictObject({
    /** Lines of the file. */
    lines: count.describe('Lines of the file.'),
    /** Lines of another ledger or program, not judged. */
    foreign: count.describe('Lines of another ledger or program, not judged.'),
    /** Pieces of lines whose writer died; harmless when the entry stands whole elsewhere. */
    torn: count.describe('Pieces of lines whose writer died; harmless when the entry stands whole elsewhere.'),
  })
    .readonly()
    .nullable()
    .describe(
      'Null without a file. `foreign`: lines of another ledger or program, not judged. `torn`: pieces of lines whose ' +
        'writer died, harmless when the entry stands whole elsewhere, which is checked.',
    ),
});
export interface VerifyReport extends Readonly<z.infer<typeof VerifyReportSchema>> {}
