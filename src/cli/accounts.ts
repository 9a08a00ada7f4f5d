/** Commands on accounts: one user and one credit type each. */
import type { AccountDefaults, ListOptions, MutationOptions, ReadOptions } from '../models/inputs/credits.js';
import type { CliCommand, Flags } from './command.js';
import { NOTES, ORDER } from './options.js';
import { changeCommand, listCommand, showCommand, type Typed } from './verbs.js';

const OPTIONS: Flags = {
  'overdraft-limit': {
    ...{ value: 'credits', none: 'default' },
    help: 'credits that debt may reach, unlimited, or default for the limit of the service',
  },
  'low-credit-thresholds': {
    ...{ value: 'amounts', is: 'list', none: 'default' },
    help: 'credits or percentages, as 20,10%; empty for none, default for those of the service',
  },
  'low-credit-hysteresis': {
    ...{ value: 'credits', none: 'default' },
    help: 'credits above a threshold from which on the balance counts as restored',
  },
  ...NOTES,
};
const TRIAL: Flags = { 'trial-credits': { value: 'credits', help: 'credits of the trial, granted with the account' } };

type AccountOptions = MutationOptions<unknown> & AccountDefaults;

/** The options as typed, for the sentence that says what a command would do. */
function saying({ actor: _, reason: __, idempotencyKey: ___, ...options }: AccountOptions): string {
  return JSON.stringify(options);
}

export const accountCommands: readonly CliCommand[] = [
  listCommand(
    {
      ...{ name: 'accounts list', args: [], help: 'list accounts and their balances', typed: true },
      flags: { 'max-available': { value: 'credits', help: 'those with at most this many available' }, ...ORDER },
    },
    ({ credits, options }: Typed<ReadOptions<unknown> & ListOptions>) => credits.listAccounts(options),
    ['userId', 'creditType', 'balance', 'reserved', 'available', 'debt'],
  ),
  showCommand(
    { name: 'accounts show', args: ['user'], help: 'show an account: balance, options, totals', typed: true },
    async ({ credits, args: [user] }) => {
      const account = await credits.getAccount(user, { fresh: true });
      if (account === null) return null;
      const { balance, reserved, available, debt } = await credits.getUserCreditsInfo(user, { fresh: true });
      return { ...account, balance, reserved, available, debt };
    },
  ),
  changeCommand(
    {
      ...{ name: 'accounts create', args: ['user'], help: 'create an account with options', typed: true },
      flags: { ...TRIAL, ...OPTIONS },
    },
    ({ credits, args: [user], options }: Typed<AccountOptions>) => credits.createAccount(user, options),
    ({ args: [user], options }) => `This would create the account of ${user} with ${saying(options)}.`,
  ),
  changeCommand(
    {
      ...{ name: 'accounts change', args: ['user'], help: 'change the options of an account', typed: true },
      flags: OPTIONS,
    },
    ({ credits, args: [user], options }: Typed<AccountOptions>) => credits.updateAccount(user, options),
    ({ args: [user], options }) => `This would change the account of ${user} to ${saying(options)}.`,
  ),
];
