/**
 * A database of any length that holds nothing: entries are made when they are read, in order, and forgotten. So what an
 * audit of it keeps in memory is the audit's own. Reads only, along the one path that `verify` takes.
 */

import { sha256 } from '../../src/core/canonical-json.js';
import { entryBody, entryLine } from '../../src/core/entry-line.js';
import type { Row } from '../../src/index.js';
import { accountKey } from '../../src/models/account.js';
import type { EntryRow } from '../../src/models/entry.js';
import { type AnyDb, memoryDb, START, wrapped } from '../support/audit-world.js';

const LEDGER = 'tape';
const AT = new Date(START);
const TERMS = { source: 'other', priority: 50, effectiveAt: null, expiresAt: null, planId: null, reference: null };

/** `[user, entries]`: one addition and deductions of one unit each; users in ascending order. */
export type Lengths = readonly (readonly [string, number])[];

export function* entriesOfTape(lengths: Lengths, ends = new Map<string, EntryRow>()): Generator<EntryRow> {
  for (const [userId, count] of lengths) {
    let prev: string | null = null;
    for (let seq = 1; seq <= count; seq++) {
      const entry = entryOf(userId, seq, count, prev);
      prev = entry.hash;
      if (seq === count) ends.set(userId, entry);
      yield entry;
    }
  }
}

function entryOf(userId: string, seq: number, count: number, prev: string | null): EntryRow {
  const isFirst = seq === 1;
  const grantId = `g-${userId}`;
  const amount = isFirst ? count : 1;
  const left = count - (seq - 1);
  const entry: EntryRow = {
    id: `${userId}-${seq}`,
    version: 1,
    eventType: 'transaction',
    type: isFirst ? 'add' : 'deduct',
    operation: isFirst ? 'add' : 'deduct',
    operationId: `${userId}-${seq}`,
    account: accountKey('credits', userId),
    userId,
    creditType: 'credits',
    seq,
    at: AT,
    amount,
    delta: isFirst ? count : -1,
    reservedDelta: 0,
    balanceAfter: left,
    availableAfter: left,
    debtAfter: 0,
    draws: isFirst ? [] : [{ grantId, amount: 1 }],
    repaid: [],
    grantId: isFirst ? grantId : null,
    reservationId: null,
    reverses: null,
    message: isFirst ? 'Credits added' : 'Credits deducted',
    description: null,
    actor: null,
    reason: null,
    correlationId: null,
    idempotencyKey: null,
    scopedKey: null,
    fingerprint: null,
    metadata: {},
    details: isFirst ? { grant: TERMS } : {},
    prev,
    hash: null,
  };
  return { ...entry, hash: sha256(entryBody(entry, LEDGER)) };
}

/** The lines of the tape's file. */
export function* linesOfTape(lengths: Lengths): Generator<string> {
  for (const entry of entriesOfTape(lengths)) yield entryLine(entryBody(entry, LEDGER), entry.hash as string);
}

function accountOf(end: EntryRow, count: number): Row {
  const grant = { ...TERMS, ...grantParts(end.userId, count), remaining: end.balanceAfter, held: 0, rowVersion: 1 };
  return {
    id: end.account,
    version: 2,
    userId: end.userId,
    creditType: 'credits',
    visible: true,
    seq: end.seq,
    hash: end.hash,
    at: AT,
    balance: end.balanceAfter,
    reserved: 0,
    debt: 0,
    available: end.balanceAfter,
    magnitude: end.balanceAfter === 0 ? 0 : end.balanceAfter.toString(2).length,
    dueAt: null,
    createdAt: AT,
    state: {
      grants: [{ ...grant, effectiveAt: AT.getTime(), createdAt: AT.getTime() }],
      holds: [],
      options: { overdraftLimit: null, lowCreditThreshold: null, metadata: null },
      trialAmount: null,
      planLimit: null,
      lastPurchase: grant.amount,
      created: null,
    },
  };
}

const grantParts = (userId: string, amount: number) => ({
  id: `g-${userId}`,
  amount,
  expired: 0,
  revoked: 0,
  seq: 1,
  place: 0,
});

function grantOf(userId: string, count: number): Row {
  return {
    ...TERMS,
    ...grantParts(userId, count),
    paymentId: null,
    version: 1,
    account: accountKey('credits', userId),
    userId,
    creditType: 'credits',
    open: true,
    remaining: count,
    held: 0,
    effectiveAt: AT,
    createdAt: AT,
  };
}

export function tapeDb(lengths: Lengths): AnyDb {
  const inner = memoryDb();
  const counts = new Map(lengths);
  const ends = new Map<string, EntryRow>();
  let tape = entriesOfTape(lengths, ends);
  let next = tape.next();
  const settings: Row = {
    id: 'settings',
    version: 1,
    kind: 'settings',
    // As the manager that reads it states them.
    value: {
      ...{ ledgerId: LEDGER, creditScale: 6, events: 'standard', limits: { lateUsageSeconds: 604_800 } },
      creditTypes: {
        credits: { overdraftLimit: 50_000_000, lowCreditThreshold: 5_000_000 },
        image: { overdraftLimit: 20_000_000 },
      },
    },
    updatedAt: AT,
  };
  const userOf = (key: string) => key.slice(key.indexOf('/') + 1);
  return wrapped(inner, {
    async getMany(model, keys) {
      return keys.map((key): Row | null => {
        if (model === 'system') return settings;
        const end = ends.get(userOf(key));
        if (model === 'account') return end ? accountOf(end, counts.get(end.userId) as number) : null;
        const user = key.slice(2);
        return model === 'grant' && counts.has(user) ? grantOf(user, counts.get(user) as number) : null;
      });
    },
    async find(model, query, options) {
      if (model === 'account') {
        const [user, end] = [...ends][0] ?? [];
        const isMore = query.range !== undefined || !user || !end;
        return { rows: isMore ? [] : [accountOf(end, counts.get(user) as number)], nextCursor: null };
      }
      if (model !== 'entry') return inner.find(model, query, options);
      if (query.after === undefined) {
        tape = entriesOfTape(lengths, ends);
        next = tape.next();
      }
      const rows: Row[] = [];
      while (!next.done && rows.length < query.limit) {
        rows.push(next.value as unknown as Row);
        next = tape.next();
      }
      return { rows, nextCursor: next.done ? null : 'more' };
    },
    async count(model) {
      return model === 'reservation' ? 0 : lengths.length;
    },
  });
}
