/**
 * Compares everything that can be read of an account with the oracle, and the stored rows with the design's
 * invariants.
 */
import type { Row as StoredRow } from '../../src/index.js';
import { openGrantsOf } from '../support/stored-grants.js';
import { userOf } from './account-names.js';
import { auditTotals } from './audit-totals.js';
import { compareEntry, compareGrant, compareHold, type Differences, differ, drawsOf } from './compare.js';
import { allPages, credits, type Library, type Transaction } from './library.js';
import type { Oracle } from './oracle.js';
import {
  type Account,
  inBurnDownOrder,
  infoOf,
  LARGEST,
  type Lot,
  lotOf,
  type Micro,
  type Part,
  smaller,
  spendableLots,
  viewHold,
} from './oracle-state.js';

type Row = { readonly [field: string]: unknown };

/** What an account is now: everything that later operations may hide again. */
export async function auditPresent(library: Library, oracle: Oracle, user: string, turn: number): Promise<Differences> {
  const { account, now } = oracle.read(user, library.clockNow);
  return [
    // First: the rows name every lot that the others speak of.
    ...(await auditRows(library, oracle.stored(user))),
    ...(await auditGrants(library, account, oracle.stored(user), turn)),
    ...(await auditActiveHolds(library, account, turn)),
    ...(await auditPreview(library, oracle, account, now, turn)),
  ];
}

/** The present, and what only grows: history, the chain, reservations that ended, balances of the past. */
export async function auditUser(library: Library, oracle: Oracle, user: string, turn: number): Promise<Differences> {
  const { account } = oracle.read(user, library.clockNow);
  return [
    ...auditChain(await library.entryRows(user), oracle.stored(user)),
    ...(await auditPresent(library, oracle, user, turn)),
    ...(await auditHolds(library, account, turn)),
    ...(await auditHistory(library, oracle.stored(user), turn)),
    ...(await auditTotals(library, oracle, user, turn)),
    ...(await auditPast(library, oracle, user, turn)),
  ];
}

async function auditGrants(library: Library, account: Account, stored: Account, turn: number): Promise<Differences> {
  const service = library.service(turn, account.user);
  const grants = await allPages((page) => service.getGrants(userOf(account.user), page), 5 + (turn % 90));
  const open = [...account.lots.values()].filter((lot) => lot.free + lot.held > 0n);
  const found: Differences = differ('open lots', { length: open.length }, grants);
  // Those of a renewal that nothing has written yet have no name.
  const imagined = open.filter(({ id }) => !stored.lots.has(id));
  for (const grant of grants) {
    const name = library.lotNameOf(grant.id);
    const lot = open.find((one) => one.id === name) ?? takeImagined(imagined, grant);
    if (!lot) found.push(`lot ${name} is listed as open`);
    else found.push(...compareGrant(lot, grant, library));
  }
  return found;
}

/** Takes the lot out of those imagined that a grant with an unknown id is. */
function takeImagined(imagined: Lot[], grant: { amount: number; effectiveAt: Date }): Lot | undefined {
  const i = imagined.findIndex(
    (lot) => credits(lot.amount) === grant.amount && lot.effectiveAt === grant.effectiveAt.getTime(),
  );
  return i < 0 ? undefined : imagined.splice(i, 1)[0];
}

async function auditActiveHolds(library: Library, account: Account, turn: number): Promise<Differences> {
  const service = library.service(turn, account.user);
  const found: Differences = [];
  const listed = await allPages((page) => service.getActiveReservations(userOf(account.user), page), 2 + (turn % 90));
  const active = [...account.holds.values()].filter((hold) => hold.status === 'active');
  found.push(...differ('active holds', { length: active.length }, listed));
  for (const hold of active) {
    const one = listed.find((reservation) => reservation.id === library.reservationId(hold.id));
    if (one) found.push(...compareHold(viewHold(hold), one, library));
    else found.push(`hold ${hold.id} is not listed`);
  }
  return found;
}

async function auditHolds(library: Library, account: Account, turn: number): Promise<Differences> {
  const service = library.service(turn, account.user);
  const found: Differences = [];
  for (const hold of account.holds.values()) {
    const one = await service.getReservation(library.reservationId(hold.id));
    if (one) found.push(...compareHold(viewHold(hold), one, library));
    else found.push(`hold ${hold.id} is not found`);
  }
  return found;
}

async function auditHistory(library: Library, account: Account, turn: number): Promise<Differences> {
  const service = library.service(turn, account.user);
  const options = { order: 'oldest', includeHolds: true } as const;
  const history = await allPages((page) => service.getCreditHistory(userOf(account.user), { ...options, ...page }));
  const found = differ('history', { length: account.entries.length }, history);
  const operations = new Map<string, string>();
  for (const entry of account.entries) {
    const one: Transaction | undefined = history[entry.seq - 1];
    if (!one) continue;
    found.push(...compareEntry(entry, one, library));
    const operation = operations.get(entry.operation) ?? one.operationId;
    operations.set(entry.operation, operation);
    found.push(...differ(`entry ${entry.seq}`, { operationId: operation }, one));
  }
  if (new Set(operations.values()).size !== operations.size) found.push('two operations share an operation id');
  return found;
}

async function auditPreview(
  library: Library,
  oracle: Oracle,
  account: Account,
  now: number,
  turn: number,
): Promise<Differences> {
  const { available } = infoOf(account);
  const most = available;
  const amount = smaller(most > 0n ? (most * BigInt(turn % 12)) / 10n + 1n : BigInt(turn + 1), LARGEST);
  const preview = await library.service(turn, account.user).previewDeduction(userOf(account.user), credits(amount));
  const sufficient = amount <= most;
  const found = differ('preview', { sufficient, shortfall: sufficient ? 0 : credits(amount - most) }, preview);
  if (!sufficient) return found;
  const parts = firstParts(spendableLots(account, now), amount);
  const { lots } = oracle.stored(account.user);
  const known = (lot: string | null) => (lot !== null && lots.has(lot) ? lot : 'imagined');
  const draws = preview.draws.map((draw) => ({ lot: known(library.lotNameOf(draw.grantId)), amount: draw.amount }));
  return [
    ...found,
    ...differ('preview', { draws: drawsOf(parts).map((draw) => ({ ...draw, lot: known(draw.lot) })) }, { draws }),
  ];
}

function firstParts(lots: readonly Lot[], amount: Micro): Part[] {
  const parts: Part[] = [];
  let left = amount;
  for (const lot of lots) {
    const part = smaller(lot.free, left);
    left -= part;
    if (part > 0n) parts.push({ lot: lot.id, amount: part });
  }
  return parts;
}

/** The balance as of an earlier instant is that of the last entry up to it. */
async function auditPast(library: Library, oracle: Oracle, user: string, turn: number): Promise<Differences> {
  const { entries } = oracle.stored(user);
  const pick = entries[turn % Math.max(entries.length, 1)];
  if (!pick) return [];
  const last = entries.findLast((entry) => entry.at <= pick.at);
  const past = await library.service(turn, user).getBalanceAt(userOf(user), new Date(pick.at));
  if (!last) return [];
  return differ(
    `balance of ${user} at ${pick.at}`,
    {
      balance: credits(last.balanceAfter),
      available: credits(last.availableAfter),
      reserved: credits(last.balanceAfter - last.availableAfter),
      debt: credits(last.debtAfter),
    },
    past,
  );
}

/** Design, "What must stay true": sequence, sums, order of time and the hash chain, on the rows as stored. */
function auditChain(rows: readonly Row[], account: Account): Differences {
  const found: Differences = [];
  let seq = 0;
  let balance = 0;
  let reserved = 0;
  let at = Number.NEGATIVE_INFINITY;
  let hash: unknown = null;
  for (const row of rows) {
    if (row.seq === 0) {
      found.push(...differ('refusal', { type: 'error', eventType: 'error', scopedKey: null, prev: null }, row));
      continue;
    }
    seq += 1;
    balance += Number(row.delta);
    reserved += Number(row.reservedDelta);
    const instant = row.at instanceof Date ? row.at.getTime() : Number.NaN;
    const expected = { seq, balanceAfter: balance, availableAfter: balance - reserved, prev: hash };
    found.push(...differ(`row ${account.user}#${seq}`, expected, row));
    if (!(instant >= at)) found.push(`row ${account.user}#${seq} is older than its predecessor`);
    if (typeof row.hash !== 'string' || row.hash.length < 43) found.push(`row ${account.user}#${seq} has no hash`);
    at = instant;
    hash = row.hash;
  }
  if (seq !== account.entries.length) found.push(`${seq} rows for ${account.entries.length} entries`);
  return found;
}

async function auditRows(library: Library, account: Account): Promise<Differences> {
  const row = await library.accountRow(account.user);
  if (account.entries.length === 0) return row?.visible ? [`account ${account.user} is visible`] : [];
  const found: Differences = [];
  const { balance, reserved, available, debt } = infoOf(account);
  const totals = { balance, reserved, available, debt };
  const numbers = Object.entries(totals).map(([field, value]) => [field, Number(value)]);
  const last = account.entries[account.entries.length - 1];
  found.push(
    ...differ(
      `account ${account.user}`,
      { ...Object.fromEntries(numbers), visible: true, seq: account.entries.length, at: account.lastAt },
      row,
    ),
  );
  if (last && (balance !== last.balanceAfter || available !== last.availableAfter)) found.push('the oracle is wrong');
  if (debt > 0n && spendableLots(account, account.lastAt).length > 0) found.push('the oracle owes with free lots');
  const stored = (row?.numbers ?? {}) as { holds?: readonly Row[] };
  found.push(
    ...auditGrantRows(account, library, openGrantsOf(row as StoredRow), await library.learnLots(account.user)),
  );
  found.push(...auditHoldRows(account, library, stored.holds ?? [], await library.reservationRows(account.user)));
  return found;
}

/**
 * granted = free + held + spent + expired + revoked, in the account's document while open, in the grant's row
 * after.
 */
function auditGrantRows(account: Account, library: Library, open: readonly Row[], rows: readonly Row[]): Differences {
  const found: Differences = differ('grant rows', { length: account.lots.size }, rows);
  for (const row of rows) {
    const lot = lotOf(account, library.lotNameOf(String(row.id)) ?? '');
    const kept = open.find((one) => one.id === row.id);
    const isOpen = lot.free + lot.held > 0n;
    found.push(...differ(`grant row ${lot.id}`, { open: isOpen }, row));
    if (isOpen !== (kept !== undefined)) found.push(`lot ${lot.id} stands wrongly among the open ones`);
    const parts = kept ?? row;
    const remaining = lot.free + lot.held;
    const wanted = { amount: lot.amount, remaining, held: lot.held, expired: lot.expired, revoked: lot.revoked };
    const numbers = Object.entries(wanted).map(([field, value]) => [field, Number(value)]);
    found.push(...differ(`grant row ${lot.id}`, Object.fromEntries(numbers), parts));
    const sum = remaining + lot.spent + lot.expired + lot.revoked;
    if (sum !== lot.amount || lot.spent < 0n) found.push(`the oracle miscounts lot ${lot.id}`);
  }
  return found;
}

function auditHoldRows(account: Account, library: Library, open: readonly Row[], rows: readonly Row[]): Differences {
  const found: Differences = differ('reservation rows', { length: account.holds.size }, rows);
  const heldByLot = new Map<string, Micro>();
  for (const row of rows) {
    const hold = account.holds.get(library.labelOf(String(row.id)) ?? '');
    if (!hold) {
      found.push(`reservation row ${String(row.id)} belongs to nobody`);
      continue;
    }
    for (const part of hold.parts) heldByLot.set(part.lot, (heldByLot.get(part.lot) ?? 0n) + part.amount);
    found.push(...differ(`reservation row ${hold.id}`, { status: hold.status, amount: Number(hold.amount) }, row));
    const kept = open.find((one) => one.id === row.id);
    if ((hold.status === 'active') !== (kept !== undefined))
      found.push(`hold ${hold.id} stands wrongly among the open`);
    if (hold.status === 'active') continue;
    const { committed, released, expired } = hold;
    const numbers = Object.entries({ committed, released, expired }).map(([field, value]) => [field, Number(value)]);
    found.push(...differ(`reservation row ${hold.id}`, Object.fromEntries(numbers), row));
    if (committed + released + expired !== hold.amount) found.push(`the oracle miscounts hold ${hold.id}`);
  }
  for (const lot of inBurnDownOrder(account.lots.values())) {
    if (lot.held !== (heldByLot.get(lot.id) ?? 0n)) found.push(`the oracle miscounts what is held of ${lot.id}`);
  }
  return found;
}
