/** Commands on grants: credits with terms of their own. */

import { grantSourceSchema } from '../models/enums.js';
import type {
  AddOptions,
  GrantListOptions,
  GrantUpdate,
  ListOptions,
  MutationOptions,
  ReadOptions,
  VoidOptions,
} from '../models/inputs/credits.js';
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
  changeCommand(
    {
      ...{ name: 'grants change', args: ['grant'], help: 'change when an open grant lapses, or its turn', typed: true },
      flags: {
        'expires-at': { value: 'instant', help: 'when what is left lapses (ISO 8601), or never', none: 'never' },
        priority: { value: '0-100', help: 'lower is spent first', is: 'whole' },
        ...NOTES,
      },
    },
    ({ credits, args: [grant], options }: Typed<GrantUpdate & MutationOptions<unknown>>) => {
      const { expiresAt, priority, ...others } = options;
      return credits.updateGrant(grant, { expiresAt, priority }, others);
    },
    ({ args: [grant] }) => `This would change the terms of the grant ${grant}.`,
  ),
  changeCommand(
    {
      ...{ name: 'grants end', args: ['grant'], help: 'take back what is free of one grant', typed: true },
      flags: { amount: { value: 'credits', help: 'default all that is free of it' }, ...NOTES },
    },
    ({ credits, args: [grant], options }: Typed<VoidOptions<unknown>>) => credits.voidGrant(grant, options),
    ({ args: [grant], options }) =>
      `This would take back ${options.amount ?? 'all free'} credits of the grant ${grant}.`,
  ),
];
