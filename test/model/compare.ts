/** Says how an answer of the library differs from the oracle's; an empty list means they agree. */

import { typeOf, userOf } from './account-names.js';
import { type Answer, credits, type Grant, type Library, type Reservation, type Transaction } from './library.js';
import type { Call, Outcome } from './oracle-call.js';
import type { Entry, HoldView, Info, Lot, Part } from './oracle-state.js';

export type Differences = string[];

/** Collects the fields in which two records differ. */
export function differ(what: string, expected: Readonly<Record<string, unknown>>, actual: unknown): Differences {
  const found: Differences = [];
  const record = (actual ?? {}) as Readonly<Record<string, unknown>>;
  for (const [field, wanted] of Object.entries(expected)) {
    const given = plain(record[field]);
    if (same(wanted, given)) continue;
    found.push(`${what}.${field}: expected ${show(wanted)}, got ${show(given)}`);
  }
  return found;
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  return typeof a === 'object' && a !== null && typeof b === 'object' && b !== null && show(a) === show(b);
}

/** A date as its instant: an oracle knows no `Date`. */
function plain(value: unknown): unknown {
  return value instanceof Date ? value.getTime() : value;
}

function show(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}µ` : inner)) ?? 'absent';
}

export function compareOutcome(expected: Outcome, actual: Answer, call: Call, library: Library): Differences {
  if (expected.status === 'refused') {
    if (actual.status !== 'refused') return [`expected ${expected.code}, got ${actual.status}`];
    if (actual.code !== expected.code) return [`expected ${expected.code}, got ${actual.code} ${show(actual.details)}`];
    return compareDetails(expected.details, actual.details, library);
  }
  const { result, replayed } = expected;
  if (actual.status === 'refused') return [`expected ${result.kind}, got ${actual.code} ${show(actual.details)}`];
  switch (result.kind) {
    case 'entry':
      if (actual.status !== 'transaction') return [`expected a transaction, got ${actual.status}`];
      return [...differ('answer', { replayed }, actual), ...compareEntry(result.entry, actual.transaction, library)];
    case 'hold':
      if (actual.status !== 'reservation') return [`expected a reservation, got ${actual.status}`];
      return [...differ('answer', { replayed }, actual), ...compareHold(result.hold, actual.reservation, library)];
    case 'transfer':
      if (actual.status !== 'transfer') return [`expected a transfer, got ${actual.status}`];
      return [
        ...differ('answer', { replayed: [replayed, replayed] }, actual),
        ...compareEntry(result.out, actual.out, library),
        ...compareEntry(result.in, actual.in, library),
      ];
    case 'expired':
      return differ('answer', { status: 'number', amount: credits(result.amount) }, actual);
    case 'plan': {
      if (actual.status !== 'plan') return [`expected an answer of plans, got ${actual.status}`];
      return differ('answer', { ...result.value, ...('replayed' in actual.value && { replayed }) }, actual.value);
    }
    case 'info': {
      if (actual.status !== 'info' || !('user' in call)) return [`expected an info, got ${actual.status}`];
      return [
        ...differ('answer', { replayed }, actual),
        ...compareInfo(call.user, result.info, result.at, actual.info),
      ];
    }
  }
}

function compareDetails(
  expected: Readonly<Record<string, bigint | string>>,
  actual: Readonly<Record<string, unknown>>,
  library: Library,
): Differences {
  const wanted = Object.entries(expected).map(([field, value]) => [
    field,
    typeof value === 'bigint' ? credits(value) : field === 'id' ? library.reservationId(value) : value,
  ]);
  return differ('details', Object.fromEntries(wanted), actual);
}

export function compareInfo(user: string, info: Info, asOf: number | null, actual: unknown): Differences {
  const { balance, reserved, available, debt } = info;
  return differ(
    `info of ${user}`,
    {
      userId: userOf(user),
      creditType: typeOf(user),
      balance: credits(balance),
      reserved: credits(reserved),
      available: credits(available),
      debt: credits(debt),
      ...(asOf !== null && { asOf }),
    },
    actual,
  );
}

export function compareEntry(entry: Entry, actual: Transaction, library: Library): Differences {
  const what = `entry ${entry.user}#${entry.seq} (${entry.type})`;
  const draws = actual.draws.map((draw) => ({ lot: library.lotNameOf(draw.grantId), amount: draw.amount }));
  const named = {
    ...actual,
    draws,
    grantId: library.lotNameOf(actual.grantId),
    reservationId: library.labelOf(actual.reservationId),
    reverses: library.entryNameOf(actual.reverses),
  };
  return differ(
    what,
    {
      userId: userOf(entry.user),
      creditType: typeOf(entry.user),
      seq: entry.seq,
      type: entry.type,
      delta: credits(entry.delta),
      reservedDelta: credits(entry.reservedDelta),
      balanceAfter: credits(entry.balanceAfter),
      availableAfter: credits(entry.availableAfter),
      debtAfter: credits(entry.debtAfter),
      shortfall: credits(entry.missing),
      draws: drawsOf(entry.parts),
      grantId: entry.lot,
      reservationId: entry.hold,
      reverses: entry.reverses === null ? null : `${entry.user}#${entry.reverses}`,
      createdAt: entry.at,
      idempotencyKey: entry.key,
    },
    named,
  );
}

export function drawsOf(parts: readonly Part[]): { lot: string; amount: number }[] {
  return parts.map((part) => ({ lot: part.lot, amount: credits(part.amount) }));
}

export function compareHold(hold: HoldView, actual: Reservation, library: Library): Differences {
  return differ(
    `hold ${hold.id}`,
    {
      id: library.reservationId(hold.id),
      amount: credits(hold.amount),
      committed: credits(hold.committed),
      released: credits(hold.released),
      remaining: credits(hold.remaining),
      status: hold.status,
      createdAt: hold.createdAt,
      expiresAt: hold.expiresAt,
    },
    actual,
  );
}

export function compareGrant(lot: Lot, actual: Grant, library: Library): Differences {
  return differ(
    `lot ${lot.id}`,
    {
      source: lot.source,
      amount: credits(lot.amount),
      remaining: credits(lot.free + lot.held),
      held: credits(lot.held),
      priority: lot.priority,
      effectiveAt: lot.effectiveAt,
      expiresAt: lot.expiresAt,
      planId: lot.planId,
      createdAt: lot.createdAt,
    },
    { ...actual, planId: library.book.nameOf(actual.planId) },
  );
}
