/** Sums an account's transactions over a time, by one walk along the index of its history. */
import { accountKey } from '../../models/account.js';
import type { UsageOptions } from '../../models/inputs/credits.js';
import * as schemas from '../../models/inputs/credits.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { notValid, parseCall, parseId } from '../input/parse.js';
import type { AccountsNow } from './accounts-now.js';
import type { CreditReads } from './contract.js';
import { VISIBLE_TYPES } from './history.js';
import { UsageSums } from './usage-sums.js';
import type { Verbs } from './verbs.js';

const ROWS_PER_READ = 500;

type Fields = ReturnType<typeof schemas.usageSchema.parse>;

export function usage<S>(
  { engine, scale, creditType }: Verbs<S>,
  accounts: AccountsNow<S>,
): Pick<CreditReads<S>, 'getUsageSummary'> {
  return {
    async getUsageSummary(userId, given) {
      const user = parseId(userId, 'userId');
      const options = parseCall<Fields, S>(schemas.usageSchema, given as UsageOptions<S>);
      const { by, timeZone, from, to = Number.POSITIVE_INFINITY, session, fresh } = options;
      if (from > to) throw notValid('from', 'an instant not later than to');
      const sums = new UsageSums(by, dayIn(timeZone), scale);
      const rest = engine.startDeadline(options);
      const { stored, due } = await accounts.withDue(user, rest());
      const query: Omit<FindQuery, 'limit'> = {
        index: 'history',
        equals: { account: accountKey(creditType, user) },
        range: { field: 'at', gte: new Date(from), ...(Number.isFinite(to) && { lt: new Date(to) }) },
        anyOf: { field: 'type', values: VISIBLE_TYPES },
      };
      for (let after: string | null | undefined; after !== null; ) {
        const next: FindQuery = { ...query, limit: ROWS_PER_READ, ...(after !== undefined && { after }) };
        const page = await engine.read(rest(), (timeoutMs) =>
          engine.store.find('entry', next, { session, fresh, timeoutMs }),
        );
        // An entry that was written since the account was read is not part of its state.
        for (const entry of page.rows) if (entry.seq <= stored.seq) sums.add(entry);
        after = page.nextCursor;
      }
      for (const entry of due) if (entry.at.getTime() >= from && entry.at.getTime() < to) sums.add(entry);
      return sums.lines();
    },
  };
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
