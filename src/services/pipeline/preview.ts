/** Decides a command without writing, to show the entry that it would be answered with now. */
import { emptyAccount } from '../../core/account.js';
import type { Command } from '../../core/command.js';
import { decide } from '../../core/decide.js';
import { accountFromRow } from '../../core/rows.js';
import { creditError } from '../../errors.js';
import type { AccountRef } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { StoreOptions } from '../../ports/db-manager.js';
import type { Tables } from '../store/tables.js';
import { callInfo } from './call-info.js';
import { ChangeSet } from './change-set.js';
import { contextOf, type DecisionSettings } from './context.js';
import { errorOf } from './earlier-outcome.js';
import { FactSheet } from './facts.js';

/** The most times that the first command of a preview is imagined. */
const FIRST_MAX = 100;

interface PreviewTools<S> {
  readonly tables: Tables<S>;
  readonly settings: DecisionSettings;
}

/**
 * The entry that `command` would be answered with. `first` is imagined before it, again and again until it has no
 * effect.
 *
 * @throws the error that would refuse the command.
 */
export async function preview<S>(
  accounts: readonly AccountRef[],
  [first, command]: readonly [first: Command | null, command: Command],
  { tables, settings }: PreviewTools<S>,
  options: StoreOptions<S>,
): Promise<EntryRow> {
  const rows = await tables.getMany(
    'account',
    accounts.map(({ key }) => key),
    options,
  );
  const states = accounts.map(({ creditType, userId }, i) => {
    const row = rows[i];
    return row ? accountFromRow(row) : emptyAccount(creditType, userId);
  });
  const facts = new FactSheet(tables, options);
  const changes = new ChangeSet(settings, facts);
  const context = contextOf(settings, settings.now(), states[0]?.creditType ?? '', changes);
  let decided = 0;
  const ask = async (asked: Command) => {
    const call = callInfo('preview', `preview-${decided++}`, {}, null);
    for (;;) {
      const { misses } = facts;
      const decision = decide(states, asked, call, context);
      if (decision.kind !== 'pending' || facts.misses === misses) return decision;
      await facts.fetch();
    }
  };
  while (first !== null && decided < FIRST_MAX) {
    const decision = await ask(first);
    if (decision.kind !== 'applied') break;
    for (const [i, change] of decision.changes.entries()) {
      changes.add(change);
      states[i] = change.account;
    }
  }
  const decision = await ask(command);
  if (decision.kind === 'applied') return decision.entry;
  if (decision.kind === 'refused') throw errorOf(decision);
  throw creditError('INVARIANT_VIOLATION', 'There is nothing to preview.', {});
}
