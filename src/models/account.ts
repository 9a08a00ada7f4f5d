/**
 * An account: one user and one credit type. Its document carries all that decisions need: totals, open grants, open
 * holds. Amounts are micro-units (safe integers); instants inside the JSON state are epoch milliseconds.
 */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { grantSourceSchema } from './enums.js';
import type { JsonObject } from './values.js';

const micro = z.int();
const instantMs = z.int();

export const openGrantSchema = z.object({
  id: z.string(),
  source: grantSourceSchema,
  /** Micro-units granted: free + held + spent + expired + revoked. */
  amount: micro,
  /** Free + held. */
  remaining: micro,
  held: micro,
  expired: micro,
  /**
   * The part of `expired` that a hold or a reversal freed after the grant's end. Absent without any. A job that runs on
   * time would not have found it.
   */
  expiredLate: micro.optional(),
  revoked: micro,
  priority: z.int(),
  effectiveAt: instantMs,
  expiresAt: instantMs.nullable(),
  /** Sequence of the entry that made the grant, and its place among the grants of that entry. */
  seq: z.int(),
  place: z.int(),
  createdAt: instantMs,
  planId: z.string().nullable(),
  reference: z.string().nullable(),
  /** The payment that paid for it. Absent without one. */
  paymentId: z.string().optional(),
  /** The version of the grant's own row. */
  rowVersion: z.int(),
});
export type OpenGrant = Readonly<z.infer<typeof openGrantSchema>>;

/** The parts of a grant that do not change while it is open, in their order. */
export type GrantFacts = readonly [
  id: string,
  source: OpenGrant['source'],
  amount: number,
  priority: number,
  effectiveAt: number,
  expiresAt: number | null,
  seq: number,
  place: number,
  createdAt: number,
  planId: string | null,
  reference: string | null,
  paymentId: string | null,
];

const grantNumbersSchema = z.tuple([micro, micro, micro, micro, z.int()]).readonly();
/** The parts of a grant that change: `remaining`, `held`, `expired`, `revoked` and `rowVersion`. */
export type GrantNumbers = z.infer<typeof grantNumbersSchema>;

/**
 * A grant in the state of its account: the JSON of its {@link GrantFacts}, which is made once. A grant with
 * `expiredLate`, or with a field of a later version, is there as a whole object.
 */
const storedGrantSchema = z.union([openGrantSchema.readonly(), z.string()]);
export type StoredGrant = z.infer<typeof storedGrantSchema>;

/** A grant as an earlier version stored it: whole, or its facts, with its numbers behind them once it was touched. */
const earlierGrantSchema = z.union([
  storedGrantSchema,
  z.tuple([z.string(), micro, micro, micro, micro, z.int()]).readonly(),
]);
export type EarlierGrant = z.infer<typeof earlierGrantSchema>;

export const drawSchema = z.object({ grantId: z.string(), amount: micro });

export const openHoldSchema = z.object({
  id: z.string(),
  amount: micro,
  committed: micro,
  /** The parts that are still on hold, by grant, in burn-down order. */
  draws: z.array(drawSchema).readonly(),
  expiresAt: instantMs,
  createdAt: instantMs,
  planId: z.string().nullable(),
});
export type OpenHold = Readonly<z.infer<typeof openHoldSchema>>;

const oneThreshold = z.union([micro, z.templateLiteral([z.number(), '%'])]);

/** An account's own options; `null` lets the service's default apply. Amounts in micro-units. */
export const accountOptionsSchema = z.object({
  overdraftLimit: z.union([micro, z.literal('unlimited')]).nullable(),
  /** One threshold, or a list of several. */
  lowCreditThreshold: z.union([oneThreshold, z.literal('none'), z.array(oneThreshold).readonly()]).nullable(),
  /** Absent for the default. */
  lowCreditHysteresis: micro.nullable().optional(),
  /** The threshold of the automatic top-up; absent or null without one, or while it is off. */
  topUpBelow: micro.nullable().optional(),
  metadata: z.custom<JsonObject>().nullable(),
});
export type AccountOptions = Readonly<z.infer<typeof accountOptionsSchema>>;

/** A sum of units; decimal digits where it is beyond the safe integers. */
const total = z.union([micro, z.string()]);
const accountTotalsSchema = z.object({ seq: z.int(), added: total, spent: total, rechargedAt: instantMs.nullable() });

/**
 * The parts of an account that nearly every operation changes. They are apart from the state, so that most operations
 * write no state. A later version that knows more of them needs a field of the row for these.
 */
const accountNumbersSchema = z.object({
  /** For each grant of the state its numbers; null for one of which nothing was taken, or that is there as a whole. */
  grants: z.array(grantNumbersSchema.nullable()).readonly(),
  holds: z.array(openHoldSchema).readonly(),
  /** The number of its error entries, absent for 0. They are in no chain, so nothing else tells that one is gone. */
  refusals: z.int().optional(),
  /** The lifetime totals after the entry `seq`. Absent, or of an earlier entry, where an older version wrote last. */
  totals: accountTotalsSchema.optional(),
});
export type AccountNumbers = Readonly<z.infer<typeof accountNumbersSchema>>;

export const accountStateSchema = z.object({
  /** Open grants in burn-down order. Absent where an earlier version wrote the row. */
  facts: z.array(storedGrantSchema).readonly().optional(),
  options: accountOptionsSchema,
  /** The size of the trial grant; null while none was made. */
  trialAmount: micro.nullable(),
  /** The units of this credit type that the current plan grants a period: a threshold in percent is a part of them. */
  planLimit: micro.nullable(),
  /** The instant at which the user's subscription next grants credits or ends; absent for none. */
  planDueAt: instantMs.optional(),
  /** The units of the last purchase, which a threshold in percent is of without plan and trial. Absent before one. */
  lastPurchase: micro.optional(),
  /** The thresholds above which credits have risen by no more than the hysteresis; absent for none. */
  low: z.array(micro).readonly().optional(),
  /** The createAccount call that set the options: its input's fingerprint and its entry. */
  created: z.object({ fingerprint: z.string(), entryId: z.string() }).nullable(),
  /** Where an earlier version wrote the row, the rest of it. */
  grants: z.array(earlierGrantSchema).readonly().optional(),
  holds: accountNumbersSchema.shape.holds.optional(),
  refusals: accountNumbersSchema.shape.refusals,
  totals: accountNumbersSchema.shape.totals,
});

export const accountSchema = z.object({
  id: z.string().describe('The credit type, a slash, and the user.'),
  version: z.int(),
  userId: z.string().describe('The user.'),
  creditType: z.string().describe('The credit type.'),
  visible: z.boolean().describe('False until the first applied operation: until then no reader sees the account.'),
  seq: z.int().describe('Sequence of the last entry; 0 before the first.'),
  hash: z.string().nullable().describe("Hash of the last entry, the head of the account's chain."),
  at: z.date().describe('Instant of the last operation; the state holds at this instant.'),
  balance: micro.describe('The balance, in micro-units.'),
  reserved: micro.describe('Credits on hold, in micro-units.'),
  debt: micro.describe('The debt, in micro-units.'),
  available: micro.describe('The available credits, in micro-units.'),
  magnitude: z
    .int()
    .describe('Binary digits of `available`, 0 where that is not positive: an index of them changes far less often.'),
  dueAt: z
    .date()
    .nullable()
    .describe(
      'Until then time alone changes nothing; null for ever. It may be early: the end of a hold that ended sooner.',
    ),
  createdAt: z.date().describe('Instant of the first operation.'),
  state: accountStateSchema.describe(
    'Open grants, options and the like: what decisions need and few operations change.',
  ),
  numbers: accountNumbersSchema
    .nullable()
    .describe('Numbers of the open grants, open holds and totals. Null where an earlier version has them in `state`.'),
});
export type AccountRow = Readonly<z.infer<typeof accountSchema>>;

export const accountModel = defineModel(
  'account',
  accountSchema,
  'id',
  [
    { name: 'created', fields: ['creditType', 'visible', 'createdAt'], unique: false },
    { name: 'magnitude', fields: ['creditType', 'visible', 'magnitude'], unique: false },
    { name: 'due', fields: ['visible', 'dueAt'], unique: false },
  ],
  { rewritten: true },
);

/** The key of an account. Credit types hold no slash, so no two accounts share a key. */
export function accountKey(creditType: string, userId: string): string {
  return `${creditType}/${userId}`;
}

/** An account by its key, with the two names that the key is made of. */
export interface AccountRef {
  readonly key: string;
  readonly creditType: string;
  readonly userId: string;
}

export function accountRef(creditType: string, userId: string): AccountRef {
  return { key: accountKey(creditType, userId), creditType, userId };
}
