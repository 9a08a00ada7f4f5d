/** Grants that lapse soon, and the unit that announces those of an account that were not announced before. */
import type { Account } from '../../core/account.js';
import { freePart, isSpendable } from '../../core/burn-down.js';
import type { OpenGrant } from '../../models/account.js';
import type { NoticeRow } from '../../models/notice.js';
import type { Unit } from '../../ports/db-manager.js';
import { BY_HAND, expiringContent, notificationRow } from '../pipeline/outgoing-rows.js';
import { insertOf, type Tables } from '../store/tables.js';

const DAY_MS = 24 * 3600 * 1000;
const READ_KEYS_MAX = 500;

/** An account as it is now, and its grants with something unspent and unheld that lapses within so many days. */
export interface ExpiringGrants {
  readonly account: Account;
  readonly withinDays: number;
  readonly grants: readonly OpenGrant[];
}

export function expiringGrants(account: Account, withinDays: number): ExpiringGrants {
  const until = account.at + withinDays * DAY_MS;
  const grants = account.grants.filter(
    (grant) =>
      grant.expiresAt !== null && grant.expiresAt <= until && isSpendable(grant, account.at) && freePart(grant) > 0,
  );
  return { account, withinDays, grants };
}

/** Ids of the notices that are stored of these grants. */
export async function announced<S>(
  tables: Tables<S>,
  all: readonly ExpiringGrants[],
  timeoutMs: number,
): Promise<ReadonlySet<string>> {
  const ids = all.flatMap(({ grants, withinDays }) => grants.map((grant) => noticeId(grant, withinDays)));
  const found = new Set<string>();
  for (let from = 0; from < ids.length; from += READ_KEYS_MAX) {
    const rows = await tables.getMany('notice', ids.slice(from, from + READ_KEYS_MAX), { timeoutMs });
    for (const row of rows) if (row) found.add(row.id);
  }
  return found;
}

export interface AnnouncementParts {
  /** Ids of the notices that are stored already. */
  readonly known: ReadonlySet<string>;
  /** The id of the operation. */
  readonly id: string;
  readonly scale: number;
}

/** One message for the grants that were not announced yet, and a notice for each; null when there are none. */
export function announcement(
  { account, withinDays, grants }: ExpiringGrants,
  { known, id, scale }: AnnouncementParts,
): Unit | null {
  const news = grants.filter((grant) => !known.has(noticeId(grant, withinDays)));
  if (news.length === 0) return null;
  let units = 0;
  for (const grant of news) units += freePart(grant);
  const createdAt = new Date(account.at);
  const place = { sequence: account.seq, place: BY_HAND };
  const content = expiringContent(account, units, withinDays, scale);
  const row = notificationRow(`n-${id}`, account, content, { ...place, at: createdAt });
  const notices = news.map(
    (grant): NoticeRow => ({
      ...{ id: noticeId(grant, withinDays), version: 1, kind: 'expiring', account: account.key, createdAt },
      ...{ ...place, expiresAt: new Date(grant.expiresAt as number) },
    }),
  );
  return [insertOf('notification', row), ...notices.map((notice) => insertOf('notice', notice))];
}

function noticeId({ id }: OpenGrant, withinDays: number): string {
  return `expiring/${withinDays}/${id}`;
}
