/** Commands on holds: reservations of credits. */

import { overageSchema } from '../models/enums.js';
import type { CommitOptions, HoldListOptions, MutationOptions, ReserveOptions } from '../models/inputs/credits.js';
import type { CliCommand, Flags } from './command.js';
import { found, NOTES, ORDER } from './options.js';
import { changeCommand, listCommand, showCommand, type Typed } from './verbs.js';

const PLAN: Flags = { 'plan-id': { value: 'id', help: 'the label of the plan' } };
const TTL = { value: 'seconds', is: 'whole' } as const;
const OVERAGE = overageSchema.options.join('|');

const create: Flags = { 'ttl-seconds': { ...TTL, help: '1-604800, default 900' }, ...PLAN, ...NOTES };
const commit: Flags = {
  amount: { value: 'credits', help: 'default everything left; less frees the rest' },
  final: { value: 'yes|no', is: 'yes-no', help: 'whether the hold ends; default yes' },
  overage: { value: OVERAGE, help: 'the treatment of credits above the hold; default reject' },
  'if-expired': { value: OVERAGE, help: 'the same for a hold whose time has passed' },
  ...NOTES,
};

async function holdOf({ credits, args: [id] }: Typed<unknown>) {
  return found(await credits.getReservation(id, { fresh: true }), `hold ${id}`);
}

export const holdCommands: readonly CliCommand[] = [
  listCommand(
    {
      ...{ name: 'holds list', args: ['user'], help: 'list the active holds of a user', typed: true },
      flags: { ...PLAN, ...ORDER },
    },
    ({ credits, args: [user], options }: Typed<HoldListOptions<unknown>>) =>
      credits.getActiveReservations(user, options),
    ['id', 'amount', 'remaining', 'expiresAt', 'createdAt', 'planId', 'reason'],
  ),
  showCommand({ name: 'holds show', args: ['hold'], help: 'show a hold, active or ended', typed: true }, holdOf),
  changeCommand(
    { name: 'holds create', args: ['user', 'amount'], help: 'put credits on hold', typed: true, flags: create },
    ({ credits, args: [user, amount], options }: Typed<ReserveOptions<unknown>>) =>
      credits.reserveCredits(user, amount, options),
    ({ args: [user, amount] }) => `This would put ${amount} credits of ${user} on hold.`,
  ),
  changeCommand(
    {
      ...{ name: 'holds change', args: ['hold'], help: 'prolong a hold', typed: true },
      flags: { 'ttl-seconds': { ...TTL, help: 'from now, 1-604800', needed: true }, ...NOTES },
    },
    ({ credits, args: [id], options }: Typed<MutationOptions<unknown> & { ttlSeconds: number }>) =>
      credits.extendReservation(id, options),
  ),
  changeCommand(
    { name: 'holds commit', args: ['hold'], help: 'charge credits on hold', typed: true, flags: commit },
    ({ credits, args: [id], options }: Typed<CommitOptions<unknown>>) => credits.commitReservedCredits(id, options),
    async (typed) => {
      const { remaining, userId } = await holdOf(typed);
      return `This would charge ${userId} ${typed.options.amount ?? remaining} credits, with ${remaining} on hold.`;
    },
  ),
  changeCommand(
    { name: 'holds end', args: ['hold'], help: 'end a hold and give its credits back', typed: true, flags: NOTES },
    ({ credits, args: [id], options }: Typed<MutationOptions<unknown>>) => credits.releaseReservedCredits(id, options),
    async (typed) => {
      const { remaining, userId, status } = await holdOf(typed);
      return `This would give ${remaining} credits on hold back to ${userId}; the hold is ${status}.`;
    },
  ),
];
