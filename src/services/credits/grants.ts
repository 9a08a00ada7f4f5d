/** Lists the grants of a user, open or all of them. */
import { burnRank } from '../../core/burn-down.js';
import type { OpenGrant } from '../../models/account.js';
import type { GrantRow } from '../../models/grant.js';
import * as schemas from '../../models/inputs/credits.js';
import type { Grant } from '../../models/records/grant.js';
import { definedFields } from '../input/given-fields.js';
import { ListCursors, pageOf } from '../input/page.js';
import { parseCall, parseId } from '../input/parse.js';
import type { Along } from '../pipeline/row-reads.js';
import type { AccountsNow } from './accounts-now.js';
import type { CreditReads } from './contract.js';
import { toGrant } from './records.js';
import type { Verbs } from './verbs.js';

type GrantFields = ReturnType<typeof schemas.grantsSchema.parse>;
type Sought = Pick<GrantFields, 'source' | 'reference' | 'paymentId' | 'planId'>;

export function grants<S>({ reads, scale }: Verbs<S>, accounts: AccountsNow<S>): Pick<CreditReads<S>, 'getGrants'> {
  return {
    async getGrants(userId, given) {
      const user = parseId(userId, 'userId');
      const options = parseCall<GrantFields, S>(schemas.grantsSchema, given);
      const { source, reference, paymentId, planId, includeClosed = false } = options;
      const sought = definedFields({ source, reference, paymentId, planId });
      const account = await accounts.now(user, options);
      const keeps = choiceOf(account.key, sought);
      const cursors = new ListCursors('getGrants', { account: account.key, includeClosed, ...sought });
      if (!includeClosed) {
        const page = pageOf(account.grants.filter(keeps), options, cursors, burnRank);
        return { ...page, items: page.items.map((grant) => toGrant(account, grant, scale)) };
      }
      const along = alongOf(account.key, sought);
      const chosen = Object.keys(sought).length > 0 ? keeps : null;
      const { rows, nextCursor } = await reads.chosenPage('grant', along, options, cursors, chosen);
      const open = new Map(account.grants.map((grant) => [grant.id, grant]));
      const items = rows.map((row): Grant => {
        const grant = open.get(row.id);
        // The row is open but the account has no such grant: it has lapsed, and no operation has written that yet.
        if (!grant && row.open) return { ...toGrant(account, row, scale), remaining: 0, held: 0 };
        return toGrant(account, grant ?? row, scale);
      });
      return { items, nextCursor };
    },
  };
}

/** A payment or a reference has few grants, and an account may have many. */
function alongOf(account: string, { reference, paymentId, source }: Sought): Along {
  const ofAccount = { field: 'account', values: [account] };
  if (paymentId !== undefined) return { index: 'payment', equals: { paymentId }, anyOf: ofAccount };
  if (reference !== undefined) return { index: 'reference', equals: { reference }, anyOf: ofAccount };
  return {
    ...{ index: 'account', equals: { account } },
    ...(source !== undefined && { anyOf: { field: 'source', values: [source] } }),
  };
}

function choiceOf(account: string, sought: Sought): (grant: OpenGrant | GrantRow) => boolean {
  const wanted = Object.entries(sought) as [keyof Sought, string][];
  return (grant) =>
    (!('account' in grant) || grant.account === account) && wanted.every(([field, value]) => grant[field] === value);
}
