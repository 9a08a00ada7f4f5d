/** Makes transactions, as their owners see them, from entries; and tells what a dry run would write. */
import { toCredits } from '../../core/amounts.js';
import type { EntryRow } from '../../models/entry.js';
import { type GrantSource, type ReferenceType, referenceTypeSchema, type TransactionType } from '../../models/enums.js';
import type { GrantRow } from '../../models/grant.js';
import type { Applied } from '../../models/records/applied.js';
import type { DryRun } from '../../models/records/dry-run.js';
import type { Transaction } from '../../models/records/transaction.js';
import type { Json, JsonObject } from '../../models/values.js';
import type { Answer } from './operation.js';

export function toTransaction(row: EntryRow, scale: number): Transaction {
  const { replayed: _, ...transaction } = toApplied(row, scale, false);
  return transaction;
}

export function toApplied(row: EntryRow, scale: number, replayed: boolean): Applied<Transaction> {
  const terms = termsOf(row);
  return {
    id: row.id,
    operationId: row.operationId,
    userId: row.userId,
    creditType: row.creditType,
    seq: row.seq,
    type: row.type as TransactionType,
    amount: toCredits(row.amount, scale),
    delta: toCredits(row.delta, scale),
    reservedDelta: toCredits(row.reservedDelta, scale),
    balanceAfter: toCredits(row.balanceAfter, scale),
    availableAfter: toCredits(row.availableAfter, scale),
    debtAfter: toCredits(row.debtAfter, scale),
    shortfall: toCredits((row.details.shortfall as number | undefined) ?? 0, scale),
    draws: row.draws.map((draw) => ({ grantId: draw.grantId, amount: toCredits(draw.amount, scale) })),
    grantId: row.grantId,
    source: terms?.source ?? null,
    reference: terms?.reference ?? null,
    referenceType: referenceTypeOf(row),
    paymentId: terms?.paymentId ?? null,
    reservationId: row.reservationId,
    reverses: row.reverses,
    description: row.description,
    actor: row.actor,
    reason: row.reason,
    correlationId: row.correlationId,
    idempotencyKey: row.idempotencyKey,
    metadata: copyOf(row.metadata),
    occurredAt: dateOf(row.details.occurredAt),
    createdAt: new Date(row.at),
    replayed,
  };
}

function dateOf(at: Json | undefined): Date | null {
  return typeof at === 'number' ? new Date(at) : null;
}

/** The part of an answer that only a dry run has. */
export function dryRunOf({ isDryRun, changes }: Answer, scale: number): { readonly dryRun?: DryRun } {
  if (!isDryRun) return {};
  const transactions = changes.flatMap(({ entries }) => entries.map(({ row }) => toTransaction(row, scale)));
  return { dryRun: { transactions, events: changes.flatMap(({ events }) => events.map((event) => event.make())) } };
}

/** The kind of business event that an entry belongs to: as its metadata says, else by its source and its call. */
function referenceTypeOf(row: EntryRow): ReferenceType | null {
  const said = row.metadata.reference_type as ReferenceType;
  // The order's commit takes back what was refunded before it.
  if (said === 'order_paid' && row.type === 'claw_back') return 'order_refund';
  if (REFERENCE_TYPES.has(said)) return said;
  if (row.operation === 'adjust') return 'manual';
  if (row.type === 'claw_back') return 'billing_payment';
  const source = termsOf(row)?.source;
  return source === undefined ? null : BY_SOURCE[source];
}

const REFERENCE_TYPES: ReadonlySet<ReferenceType> = new Set(referenceTypeSchema.options);

const BY_SOURCE: Readonly<Record<GrantSource, ReferenceType | null>> = {
  ...{ purchase: 'billing_payment', subscription: 'subscription', trial: 'trial', promo: 'promo' },
  ...{ adjustment: 'manual', refund: null, other: null },
};

/** The terms of the grant that an entry added. */
export function termsOf({ details }: EntryRow): Terms | undefined {
  return details.grant as (JsonObject & Terms) | undefined;
}

type Terms = Pick<GrantRow, 'source' | 'reference'> & { readonly paymentId?: string };

export function copyOf(metadata: JsonObject): JsonObject {
  return Object.keys(metadata).length === 0 ? {} : structuredClone(metadata);
}
