/** Sums an account's transactions over a time, by one walk along the index of its history. */
import type { Account } from '../../core/account.js';
import { toCredits } from '../../core/amounts.js';
import { outlookOf, type SpendingRate } from '../../core/forecast.js';
import type { EntryRow } from '../../models/entry.js';
import type { ReadOptions, UsageOptions } from '../../models/inputs/credits.js';
import * as schemas from '../../models/inputs/credits.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { notValid, parseCall, parseId, parseReadOptions } from '../input/parse.js';
import type { AccountsNow } from './accounts-now.js';
import type { CreditReads } from './contract.js';
import { VISIBLE_TYPES } from './history.js';
import { isSpending, UsageSums } from './usage-sums.js';
import type { Verbs } from './verbs.js';

const ROWS_PER_READ = 500;
const DAY_MS = 24 * 3600 * 1000;

type Fields = ReturnType<typeof schemas.usageSchema.parse>;

interface Time {
  readonly from: number;
  readonly to: number;
}

export function usage<S>(
  { engine, reads, scale }: Verbs<S>,
  accounts: AccountsNow<S>,
): Pick<CreditReads<S>, 'getUsageSummary' | 'getForecast'> {
  /** Takes every transaction of a time, those that nothing has written yet included. Answers the stored account. */
  async function walk(
    user: string,
    { from, to }: Time,
    options: ReadOptions<S>,
    take: (entry: EntryRow) => void,
  ): Promise<Account> {
    const rest = engine.startDeadline(options);
    const { stored, due } = await accounts.withDue(user, rest());
    const query: FindQuery = {
      index: 'history',
      equals: { account: stored.key },
      range: { field: 'at', gte: new Date(from), ...(Number.isFinite(to) && { lt: new Date(to) }) },
      anyOf: { field: 'type', values: VISIBLE_TYPES },
      limit: ROWS_PER_READ,
    };
    for await (const entries of reads.pages('entry', query, rest())) {
      // An entry that was written since the account was read is not part of its state.
      for (const entry of entries) if (entry.seq <= stored.seq) take(entry);
    }
    for (const entry of due) if (entry.at.getTime() >= from && entry.at.getTime() < to) take(entry);
    return stored;
  }

  return {
    async getUsageSummary(userId, given) {
      const user = parseId(userId, 'userId');
      const options = parseCall<Fields, S>(schemas.usageSchema, given as UsageOptions<S>);
      const { by, timeZone, from, to = Number.POSITIVE_INFINITY } = options;
      if (from > to) throw notValid('from', 'an instant not later than to');
      const sums = new UsageSums(by, dayIn(timeZone), scale);
      await walk(user, { from, to }, options, (entry) => sums.add(entry));
      return sums.lines();
    },

    async getForecast(userId, given) {
      const user = parseId(userId, 'userId');
      const options: ReadOptions<S> = parseReadOptions(given);
      const rest = engine.startDeadline(options);
      await engine.read(rest(), () => {});
      const now = engine.now();
      const week = new Spending(7, now);
      const month = new Spending(30, now);
      const stored = await walk(user, { from: month.from, to: Number.POSITIVE_INFINITY }, rest(), (entry) => {
        week.take(entry);
        month.take(entry);
      });
      const account = await accounts.present(stored, rest());
      const [perWeek, perMonth] = [week.rate(account), month.rate(account)];
      const { emptyAt, expiring } = outlookOf(account, perWeek.units > 0 ? perWeek : perMonth);
      return {
        perDay7: toCredits(perDay(perWeek), scale),
        perDay30: toCredits(perDay(perMonth), scale),
        emptyAt: emptyAt === null ? null : new Date(emptyAt),
        expiring: expiring.map(({ at, units }) => ({ at: new Date(at), amount: toCredits(units, scale) })),
      };
    },
  };
}

/** The units spent in the last days; of an account that is younger, since it was created. */
class Spending {
  #units = 0;
  readonly from: number;

  constructor(
    readonly days: number,
    readonly now: number,
  ) {
    this.from = now - days * DAY_MS;
  }

  take(entry: EntryRow): void {
    if (entry.at.getTime() >= this.from && isSpending(entry)) this.#units -= entry.delta;
  }

  /** Reversals may have given back more than was spent. One day is the least that tells of a rate. */
  rate({ createdAt, seq }: Account): SpendingRate {
    const age = seq === 0 ? 0 : this.now - createdAt;
    return { units: Math.max(0, this.#units), ms: Math.max(DAY_MS, Math.min(age, this.days * DAY_MS)) };
  }
}

function perDay({ units, ms }: SpendingRate): number {
  return Number((BigInt(units) * BigInt(DAY_MS)) / BigInt(ms));
}

/** Makes the text of the day of an instant, such as `2030-01-31`. */
function dayIn(timeZone = 'UTC'): (at: Date) => string {
  if (timeZone === 'UTC') return (at) => at.toISOString();
  try {
    const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
    return (at) => format.format(at);
  } catch {
    throw notValid('timeZone', 'an IANA time zone, such as Europe/Berlin');
  }
}
