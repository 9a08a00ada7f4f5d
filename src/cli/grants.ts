/** Commands on grants: credits with terms of their own. */

import { grantSourceSchema } from '../models/enums.js';
import type { AddOptions, GrantListOptions, ListOptions, ReadOptions } from '../models/inputs/credits.js';
import type { CliCommand, Flags } from './command.js';
import { NOTES, ORDER } from './options.js';
import { changeCommand, listCommand, type Typed } from './verbs.js';

const SOURCE: Flags = { source: { value: grantSourceSchema.options.join('|'), help: 'where the credits come from' } };
const LABELS: Flags = {
  reference: { value: 'name', help: 'a name of your own for what was bought, such as an order' },
  'payment-id': { value: 'id', help: 'the payment that paid for them' },
  'plan-id': { value: 'id', help: 'the label of the plan' },
};
const TERMS: Flags = {
  'expires-at': { value: 'instant', help: 'when what is left lapses (ISO 8601); default never' },
  'effective-at': { value: 'instant', help: 'from when on the credits count; default now' },
  priority: { value: '0-100', help: 'lower is spent first; default 50', is: 'whole' },
};

export const grantCommands: readonly CliCommand[] = [
  listCommand(
    {
      ...{
        name: 'grants list',
        args: ['user'],
        help: 'list the open grants of a user in burn-down order',
        typed: true,
      },
      flags: { ...SOURCE, ...LABELS, 'include-closed': { help: 'all grants, newest first' } },
    },
    ({ credits, args: [user], options }: Typed<GrantListOptions<unknown>>) => credits.getGrants(user, options),
    ['id', 'source', 'amount', 'remaining', 'held', 'priority', 'effectiveAt', 'expiresAt', 'planId', 'reference'],
  ),
  listCommand(
    { name: 'grants show', args: ['grant'], help: 'show what took credits from a grant', typed: true, flags: ORDER },
    ({ credits, args: [grant], options }: Typed<ReadOptions<unknown> & ListOptions>) =>
      credits.getGrantUsage(grant, options),
    ['transactionId', 'type', 'amount', 'at'],
  ),
  changeCommand(
    {
      ...{ name: 'grants create', args: ['user', 'amount'], help: 'give a user credits with terms', typed: true },
      flags: { ...SOURCE, ...TERMS, ...LABELS, ...NOTES },
    },
    ({ credits, args: [user, amount], options }: Typed<AddOptions<unknown>>) =>
      credits.addCredits(user, amount, options),
    ({ args: [user, amount] }) => `This would give ${user} ${amount} credits.`,
  ),
];
