/**
 * Cycles: credits for some days without a plan, once or again and again. The version of the user's account guards them.
 */
import type { CycleRow } from '../models/cycle.js';
import { isoText } from '../models/iso-text.js';
import type { JsonObject } from '../models/values.js';
import type { CommandOf } from './command.js';
import { PENDING, refuse, type Verdict } from './decision.js';
import { type Draft, writeEntry } from './draft.js';
import { grantPeriod } from './period-grants.js';
import { rowHash } from './row-hash.js';

const DAY_MS = 24 * 3600 * 1000;
/** How many missed cycles one operation makes up for. */
const CYCLES_MAX = 100;

type Row = { -readonly [K in keyof CycleRow]: CycleRow[K] };

/** A user has one recurring cycle of a credit type, under this id. Other cycles have ids of their own. */
export function recurringCycleId(creditType: string, userId: string): string {
  return `c-${creditType}/${userId}`;
}

export function startCycle(draft: Draft, command: CommandOf<'start_cycle'>): Verdict {
  const { account, context } = draft;
  const { amount, days, recurring, cycleId } = command;
  const before = context.facts.row('cycle', cycleId);
  if (before === undefined) return PENDING;
  const now = account.at;
  if (before?.status === 'active') {
    const message = 'The user has a recurring cycle already. Stop it first.';
    return refuse('CYCLE_ACTIVE', message, { userId: account.userId });
  }
  const end = new Date(now + days * DAY_MS);
  const row: Row = {
    ...{ id: cycleId, version: (before?.version ?? 0) + 1, userId: account.userId, creditType: account.creditType },
    ...{ amount, days, recurring, status: 'active', anchor: new Date(now), periods: 1 },
    ...{ start: new Date(now), end, dueAt: end, createdAt: new Date(now) },
  };
  const verdict = grant(draft, row);
  if (verdict) return verdict;
  return finish(draft, row, 'Cycle started', amount);
}

/**
 * Stops the renewal, after granting the cycles that have begun by now. The credits stay until the end of the last
 * cycle.
 */
export function stopCycle(draft: Draft, command: CommandOf<'stop_cycle'>): Verdict {
  const before = draft.context.facts.row('cycle', command.cycleId);
  if (before === undefined) return PENDING;
  if (before === null) return refuse('NOT_FOUND', 'There is no cycle with this id.', {});
  if (before.status !== 'active') return { kind: 'nothing' };
  const row: Row = { ...before, version: before.version + 1 };
  // A user whose account takes no more credits may stop the cycle all the same.
  const granted = row.recurring ? catchUp(draft, row).granted : 0;
  const isOver = !row.recurring && row.end.getTime() <= draft.account.at;
  Object.assign(row, { status: isOver ? 'ended' : 'canceled', dueAt: null });
  return finish(draft, row, 'Cycle stopped', granted);
}

/** Starts the cycles that have begun since, in order, or ends a cycle that does not recur. */
export function renewCycle(draft: Draft, command: CommandOf<'renew_cycle'>): Verdict {
  const before = draft.context.facts.row('cycle', command.cycleId);
  if (before === undefined) return PENDING;
  const now = draft.account.at;
  if (before?.status !== 'active' || before.end.getTime() > now) return { kind: 'nothing' };
  const row: Row = { ...before, version: before.version + 1 };
  if (!row.recurring) return finish(draft, { ...row, status: 'ended', dueAt: null }, 'Cycle ended');
  const { granted, verdict } = catchUp(draft, row);
  return verdict ?? finish(draft, row, 'Cycle renewed', granted);
}

/**
 * Moves a row on over the cycles that have begun, in order, and stops at one that cannot be granted. `granted` counts
 * the units of these cycles.
 */
function catchUp(draft: Draft, row: Row): { granted: number; verdict: Verdict } {
  let granted = 0;
  for (let done = 0; row.end.getTime() <= draft.account.at && done < CYCLES_MAX; done++) {
    const periods = row.periods + 1;
    const end = new Date(row.anchor.getTime() + periods * row.days * DAY_MS);
    const verdict = grant(draft, { ...row, start: row.end, end });
    if (verdict) return { granted, verdict };
    Object.assign(row, { periods, start: row.end, end, dueAt: end });
    granted += row.amount;
  }
  return { granted, verdict: null };
}

/** A cycle in the reference of its grants: a long id is cut off. */
export function referenceOf(cycleId: string): string {
  return cycleId.slice(0, 200).toWellFormed();
}

/** Grants one cycle. Credits that are left of a cycle do not go over into the next one. */
function grant(draft: Draft, { id, amount, start, end }: CycleRow): Verdict {
  if (amount === 0) return null;
  const reference = `${referenceOf(id)}/${isoText(start)}`;
  const times = { start: start.getTime(), expiresAt: end.getTime() };
  const made = grantPeriod(draft, { sourceId: id, ...times, amount, planId: null, reference, description: null });
  return 'kind' in made ? made : null;
}

function finish(draft: Draft, row: CycleRow, message: string, granted = 0): null {
  writeEntry(draft, 'plan_changed', {
    amount: 0,
    details: { cycle: jsonOf(row), rowHash: rowHash(row), granted },
  }).message = message;
  draft.sideWrites.push({ model: 'cycle', op: row.version === 1 ? 'insert' : 'replace', row });
  return null;
}

/** The cycle as an entry keeps it. */
function jsonOf({ id, amount, days, recurring, status, start, end, createdAt }: CycleRow): JsonObject {
  const dates = { start: isoText(start), end: isoText(end), createdAt: isoText(createdAt) };
  return { id, amount, days, recurring, status, ...dates };
}
