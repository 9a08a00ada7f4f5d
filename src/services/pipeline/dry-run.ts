/** Decides a call as it would be decided now, and writes nothing. */
import { creditError } from '../../errors.js';
import type { EntryRow } from '../../models/entry.js';
import type { StoreOptions } from '../../ports/db-manager.js';
import { errorOf, replayOf } from './earlier-outcome.js';
import { Imagined, type ImagineTools } from './imagined.js';
import { type Answer, NOTHING, newOperation, type Request } from './operation.js';
import { accountsOf, typesOf } from './renewals.js';

/** The id of the operation of a dry run; no stored thing has one that is made of it. */
export const DRY_RUN = 'preview';

/**
 * The answer that a call would get, with everything that it would write. A renewal that is due is imagined before it.
 *
 * @throws the error that would refuse the call.
 */
export async function dryRun<S>(request: Request, tools: ImagineTools<S>, options: StoreOptions<S>): Promise<Answer> {
  const { accounts, command, call } = request;
  const users = [...new Set(accounts.map(({ userId }) => userId))];
  const subscriptions = await tools.tables.getMany('subscription', users, options);
  const others = subscriptions.flatMap((row) => (row ? accountsOf(row.userId, typesOf(row)) : []));
  const isNamed = (key: string) => accounts.some((account) => account.key === key);
  const imagined = await Imagined.read([...accounts, ...others.filter(({ key }) => !isNamed(key))], tools, options);
  const operation = newOperation(request, () => {});
  operation.probe = true;
  const earlier = await imagined.earlier(operation);
  if (earlier?.error) throw earlier.error;
  if (earlier?.answer) return earlier.answer;
  if (command.type !== 'renew') for (const user of users) await imagined.renew(user, options.timeoutMs);
  const decision = await imagined.ask(command, call, [...accounts.keys()]);
  switch (decision.kind) {
    case 'applied': {
      const { entry, changes } = decision;
      const entries = changes[1]?.entries.map(({ row }) => row) ?? [];
      return { entry, replayed: false, entries, changes, isDryRun: true };
    }
    case 'repeated':
      return replayOf((await imagined.entry(decision.entryId)) as EntryRow);
    case 'nothing':
      return NOTHING;
    case 'refused':
      throw errorOf(decision);
    case 'pending':
      throw creditError('CONTENTION', 'Others changed the account during the dry run. Try again.', { attempts: 1 });
    default:
      return decision satisfies never;
  }
}
