/** Decides a command without writing, to show the entry that it would be answered with now. */
import type { Command } from '../../core/command.js';
import { creditError } from '../../errors.js';
import type { AccountRef } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { StoreOptions } from '../../ports/db-manager.js';
import { errorOf } from './earlier-outcome.js';
import { Imagined, type ImagineTools } from './imagined.js';

/**
 * The entry that `command` would be answered with. A renewal that is due is imagined before it.
 *
 * @throws the error that would refuse the command.
 */
export async function preview<S>(
  accounts: readonly [AccountRef, ...AccountRef[]],
  command: Command,
  tools: ImagineTools<S>,
  options: StoreOptions<S>,
): Promise<EntryRow> {
  const imagined = await Imagined.read(accounts, tools, options);
  await imagined.renew(accounts[0].userId, options.timeoutMs);
  const decision = await imagined.ask(command);
  if (decision.kind === 'applied') return decision.entry;
  if (decision.kind === 'refused') throw errorOf(decision);
  throw creditError('INVARIANT_VIOLATION', 'There is nothing to preview.', {});
}
