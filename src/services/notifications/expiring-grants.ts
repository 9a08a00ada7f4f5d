/** Lots that lapse soon, and the unit that announces those of an account that were not announced before. */
import type { Account } from '../../core/account.js';
import { freePart, isSpendable } from '../../core/burn-down.js';
import type { OpenGrant } from '../../models/account.js';
import type { NoticeRow } from '../../models/notice.js';
import type { Unit } from '../../ports/db-manager.js';
import { BY_HAND, expiringContent, notificationRow } from '../pipeline/outgoing-rows.js';
import { insertOf, type Tables } from '../store/tables.js';

const DAY_MS = 24 * 3600 * 1000;
const KEYS_PER_READ = 500;

/** An account as it is now, and its lots with something unspent and unheld that lapses in time. */
export interface ExpiringLots {
  readonly account: Account;
  readonly lots: readonly OpenGrant[];
}

/** Brings an account to now, computed only. */
export type Present = (account: Account) => Account;

export function expiringLots(account: Account, withinDays: number): ExpiringLots {
  const until = account.at + withinDays * DAY_MS;
  const lots = account.grants.filter(
    (grant) =>
      grant.expiresAt !== null && grant.expiresAt <= until && isSpendable(grant, account.at) && freePart(grant) > 0,
  );
  return { account, lots };
}

/** Names of the notices there are already, of these lots. */
export async function announced<S>(
  tables: Tables<S>,
  all: readonly ExpiringLots[],
  withinDays: number,
  timeoutMs: number,
): Promise<ReadonlySet<string>> {
  const ids = all.flatMap(({ lots }) => lots.map((lot) => noticeId(lot, withinDays)));
  const found = new Set<string>();
  for (let from = 0; from < ids.length; from += KEYS_PER_READ) {
    const rows = await tables.getMany('notice', ids.slice(from, from + KEYS_PER_READ), { timeoutMs });
    for (const row of rows) if (row) found.add(row.id);
  }
  return found;
}

/** One message for the lots that nobody was told of, and a notice for each; null when there are none. */
export function announcement(
  { account, lots }: ExpiringLots,
  withinDays: number,
  known: ReadonlySet<string>,
  id: string,
  scale: number,
): Unit | null {
  const news = lots.filter((lot) => !known.has(noticeId(lot, withinDays)));
  if (news.length === 0) return null;
  let units = 0;
  for (const lot of news) units += freePart(lot);
  const createdAt = new Date(account.at);
  const place = { sequence: account.seq, place: BY_HAND };
  const content = expiringContent(account, units, withinDays, scale);
  const row = notificationRow(`n-${id}`, account, content, { ...place, at: createdAt });
  const notices = news.map((lot): NoticeRow => {
    const rest = { kind: 'expiring', account: account.key, createdAt } as const;
    return {
      id: noticeId(lot, withinDays),
      version: 1,
      ...rest,
      ...place,
      expiresAt: new Date(lot.expiresAt as number),
    };
  });
  return [insertOf('notification', row), ...notices.map((notice) => insertOf('notice', notice))];
}

function noticeId({ id }: OpenGrant, withinDays: number): string {
  return `expiring/${withinDays}/${id}`;
}
