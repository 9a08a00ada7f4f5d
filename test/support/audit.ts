/** An audit of raw rows with its own arithmetic: chain, sequence, totals, and where every credit of a grant went. */

import { sha256 } from '../../src/core/canonical-json.js';
import { entryBody } from '../../src/core/entry-line.js';
import type { DbManager, MemorySession, Row } from '../../src/index.js';
import type { EntryRow } from '../../src/models/entry.js';
import { openGrantsOf } from './stored-grants.js';

type Reader = Pick<DbManager<MemorySession>, 'find' | 'getMany'>;
type Draw = { readonly grantId: string; readonly amount: number };
type Problems = string[];

/** All rows of a model along an index whose first field has this value. */
export async function rowsBy(db: Reader, model: string, index: string, equals: Record<string, string>): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const query = { index, equals, limit: 500, ...(after !== undefined && { after }) };
    const page = await db.find(model, query);
    rows.push(...page.rows);
    after = page.nextCursor;
  }
  return rows;
}

/** Everything that is wrong with an account; empty when it is sound. Key as stored, e.g. `credits/user-1`. */
export async function audit(db: Reader, key: string): Promise<Problems> {
  const [account] = await db.getMany('account', [key]);
  const all = (await rowsBy(db, 'entry', 'history', { account: key })) as unknown as EntryRow[];
  const entries = all.filter((entry) => entry.eventType === 'transaction');
  if (!account) return entries.length > 0 ? ['entries without an account'] : [];
  const [settings] = await db.getMany('system', ['settings']);
  const { ledgerId } = (settings as Row).value as { ledgerId: string };
  return [
    ...auditChain(entries, ledgerId),
    ...auditTotals(account, entries),
    ...(await auditGrants(db, account, entries)),
    ...(await auditHolds(db, account)),
    ...auditRefusals(all),
    ...(await auditOutbox(db, all, key)),
  ].map((problem) => `${key}: ${problem}`);
}

function auditChain(entries: readonly EntryRow[], ledgerId: string): Problems {
  const problems: Problems = [];
  let [seq, balance, reserved, at, hash] = [0, 0, 0, Number.NEGATIVE_INFINITY, null as string | null];
  const keys = new Set<string>();
  for (const entry of entries) {
    seq++;
    balance += entry.delta;
    reserved += entry.reservedDelta;
    if (entry.seq !== seq) problems.push(`seq ${entry.seq} where ${seq} is due`);
    if (entry.balanceAfter !== balance) problems.push(`#${seq} balanceAfter ${entry.balanceAfter}, sum ${balance}`);
    if (entry.availableAfter !== balance - reserved) problems.push(`#${seq} availableAfter ${entry.availableAfter}`);
    if (entry.prev !== hash) problems.push(`#${seq} does not continue the chain`);
    if (entry.hash !== sha256(entryBody(entry, ledgerId))) problems.push(`#${seq} does not hash to its hash`);
    if (entry.at.getTime() < at) problems.push(`#${seq} is older than its predecessor`);
    if (entry.scopedKey !== null && keys.has(entry.scopedKey)) problems.push(`#${seq} repeats a key`);
    if (entry.scopedKey !== null) keys.add(entry.scopedKey);
    at = entry.at.getTime();
    hash = entry.hash;
  }
  return problems;
}

function auditTotals(account: Row, entries: readonly EntryRow[]): Problems {
  const last = entries.at(-1);
  const expected = {
    seq: entries.length,
    hash: last?.hash ?? null,
    balance: last?.balanceAfter ?? 0,
    available: last?.availableAfter ?? 0,
    reserved: (last?.balanceAfter ?? 0) - (last?.availableAfter ?? 0),
    debt: last?.debtAfter ?? 0,
    visible: entries.length > 0,
  };
  return Object.entries(expected)
    .filter(([field, value]) => account[field] !== value)
    .map(([field, value]) => `account.${field} is ${String(account[field])}, entries say ${String(value)}`);
}

type Parts = { spent: number; expired: number; revoked: number };

/** Where the entries say the credits of each grant went. */
function partsByGrant(entries: readonly EntryRow[]): Map<string, Parts> {
  const parts = new Map<string, Parts>();
  const put = (grantId: string, part: keyof Parts, amount: number) => {
    const of = parts.get(grantId) ?? { spent: 0, expired: 0, revoked: 0 };
    of[part] += amount;
    parts.set(grantId, of);
  };
  for (const entry of entries) {
    for (const { grantId, amount } of entry.repaid) put(grantId, 'spent', amount);
    const draws: readonly Draw[] = entry.draws;
    if (['deduct', 'commit_reserved', 'transfer_out'].includes(entry.type)) {
      for (const { grantId, amount } of draws) put(grantId, 'spent', amount);
    } else if (entry.type === 'reverse') {
      const takesBack = Number(entry.delta) <= 0;
      for (const { grantId, amount } of draws) {
        if (takesBack) put(grantId, 'revoked', amount);
        else put(grantId, 'spent', -amount);
      }
    } else if (entry.type === 'reinstate') {
      for (const { grantId, amount } of draws) put(grantId, 'expired', -amount);
    } else if (entry.type === 'expire') put(String(entry.grantId), 'expired', entry.amount);
  }
  return parts;
}

async function auditGrants(db: Reader, account: Row, entries: readonly EntryRow[]): Promise<Problems> {
  const problems: Problems = [];
  const { holds } = account.numbers as unknown as { holds: readonly { draws: readonly Draw[] }[] };
  const open = openGrantsOf(account);
  const at = (account.at as Date).getTime();
  const held = new Map<string, number>();
  for (const { draws } of holds) {
    for (const { grantId, amount } of draws) held.set(grantId, (held.get(grantId) ?? 0) + amount);
  }
  const parts = partsByGrant(entries);
  const rows = await rowsBy(db, 'grant', 'account', { account: account.id as string });
  let spendable = 0;
  for (const row of rows) {
    const id = String(row.id);
    const kept = open.find((grant) => grant.id === id);
    const of = kept ?? row;
    const went = parts.get(id) ?? { spent: 0, expired: 0, revoked: 0 };
    const sum = Number(of.remaining) + went.spent + went.expired + went.revoked;
    if (sum !== row.amount) problems.push(`grant ${id}: ${String(row.amount)} granted, ${sum} accounted for`);
    if (of.expired !== went.expired || of.revoked !== went.revoked) problems.push(`grant ${id}: expired or revoked`);
    if (of.held !== (held.get(id) ?? 0)) problems.push(`grant ${id}: held ${String(of.held)}, holds say otherwise`);
    if ((kept !== undefined) !== (row.open === true)) problems.push(`grant ${id}: open in one place only`);
    if (Math.min(Number(of.remaining), Number(of.held), went.spent) < 0) problems.push(`grant ${id}: negative part`);
    if (kept && Number(kept.effectiveAt) <= at && (kept.expiresAt === null || Number(kept.expiresAt) > at)) {
      spendable += Number(kept.remaining) - Number(kept.held);
    }
  }
  if (open.length > rows.length) problems.push('a grant of the account has no row');
  if (Number(account.debt) > 0 && spendable > 0) problems.push('debt beside free credits');
  if (Number(account.debt) < 0) problems.push('negative debt');
  return problems;
}

async function auditHolds(db: Reader, account: Row): Promise<Problems> {
  const problems: Problems = [];
  const { holds } = account.numbers as unknown as {
    holds: readonly { id: string; amount: number; committed: number; draws: readonly Draw[] }[];
  };
  let reserved = 0;
  for (const hold of holds) {
    const left = hold.amount - hold.committed;
    reserved += left;
    // A hold may be larger than its draws only where debt allowed it, which reserve never does.
    if (hold.draws.reduce((sum, draw) => sum + draw.amount, 0) !== left) problems.push(`hold ${hold.id}: draws`);
  }
  if (reserved !== account.reserved) problems.push(`reserved ${String(account.reserved)}, holds ${reserved}`);
  for (const row of await rowsBy(db, 'reservation', 'account', { account: account.id as string })) {
    const active = holds.some((hold) => hold.id === row.id);
    if (active !== (row.status === 'active')) problems.push(`hold ${String(row.id)}: open in one place only`);
    const ended = Number(row.committed) + Number(row.released) + Number(row.expired);
    if (!active && ended !== row.amount) problems.push(`hold ${String(row.id)}: parts do not add up`);
  }
  return problems;
}

function auditRefusals(entries: readonly EntryRow[]): Problems {
  return entries
    .filter((entry) => entry.eventType === 'error')
    .filter((entry) => entry.seq !== 0 || entry.scopedKey !== null || entry.prev !== null || entry.delta !== 0)
    .map((entry) => `refusal ${entry.id} is part of the chain or holds a key`);
}

/** Outbox rows exist if and only if the entry they speak of does. */
async function auditOutbox(db: Reader, entries: readonly EntryRow[], key: string): Promise<Problems> {
  const ids = new Set(entries.map((entry) => entry.id));
  const rows = await rowsBy(db, 'outbox', 'queue', { sink: 'sink', status: 'pending', account: key });
  return rows
    .map((row) => row.payload as { data: { transactionId?: string | null } })
    .filter(({ data }) => data.transactionId != null && !ids.has(data.transactionId))
    .map(({ data }) => `an event speaks of ${data.transactionId}, which does not exist`);
}
