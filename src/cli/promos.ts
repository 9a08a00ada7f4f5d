/** Commands on promo codes. */
import type { ListOptions, MutationOptions, ReadOptions } from '../models/inputs/credits.js';
import type { PromoInput } from '../models/inputs/promos.js';
import { promoTargetSchema } from '../models/promo.js';
import type { CliCommand, Flags } from './command.js';
import { byOf, found, NOTES, needing, ORDER } from './options.js';
import { changeCommand, listCommand, showCommand, type Typed } from './verbs.js';

const FIELDS: Flags = {
  credits: { value: 'credits', help: 'credits of one claim' },
  'credit-type': { value: 'name', help: 'default credits' },
  'target-type': { value: promoTargetSchema.options.join('|'), help: 'who may claim it; default all_users' },
  'target-user-ids': { value: 'ids', is: 'list', help: 'the users who may claim it, separated by commas' },
  'max-uses': { value: 'claims', is: 'whole', none: 'any', help: 'of all users together; any for no limit' },
  'max-uses-per-user': { value: 'claims', is: 'whole', help: 'default 1' },
  'max-uses-per-day': {
    value: 'claims',
    is: 'whole',
    none: 'any',
    help: 'of all users in a UTC day; any for no limit',
  },
  'max-uses-per-user-per-day': {
    ...{ value: 'claims', is: 'whole', none: 'any' },
    help: 'of one user in a UTC day; any for no limit',
  },
  'validity-days': { value: 'days', is: 'whole', none: 'never', help: 'until the credits expire; default never' },
  'referrer-id': { value: 'id', help: 'makes a referral code: the user who is granted with every claim' },
  'referrer-credits': { value: 'credits', help: 'credits of the referrer for each claim' },
  'valid-from': { value: 'instant', help: 'the first instant (ISO 8601); default now' },
  'valid-until': { value: 'instant', none: 'never', help: 'the last instant; never for no end' },
  'is-active': { value: 'yes|no', is: 'yes-no', help: 'whether it can be claimed' },
  ...NOTES,
};

export const promoCommands: readonly CliCommand[] = [
  listCommand(
    {
      ...{ name: 'promos list', args: [], help: 'list the active promo codes' },
      flags: {
        'active-only': { value: 'yes|no', is: 'yes-no', help: 'no: all codes; default yes' },
        'referrer-id': { value: 'id', help: 'the referral codes of this user' },
        ...ORDER,
      },
    },
    ({ manager, options }: Typed<ReadOptions<unknown> & ListOptions>) => manager.promos.listPromos(options),
    ['code', 'credits', 'creditType', 'totalClaims', 'maxUses', 'validFrom', 'validUntil', 'isActive'],
  ),
  listCommand(
    {
      ...{ name: 'promos claims', args: [], help: 'list the claims of a code, or of a user' },
      flags: {
        code: { value: 'code', help: 'the promo code' },
        'user-id': { value: 'id', help: 'the user who claimed' },
        ...ORDER,
      },
    },
    ({ manager, options }: Typed<ReadOptions<unknown> & ListOptions>) => manager.promos.listClaims(options),
    ['promoCode', 'userId', 'creditsAwarded', 'claimedAt', 'transactionId'],
  ),
  showCommand({ name: 'promos show', args: ['code'], help: 'show a promo code' }, ({ manager, args: [code] }) =>
    manager.promos.getPromo(code, { fresh: true }),
  ),
  changeCommand(
    { name: 'promos create', args: ['code'], help: 'make a promo code', flags: needing(FIELDS, ['credits']) },
    ({ manager, args: [code], options }: Typed<MutationOptions<unknown> & Omit<PromoInput, 'code'>>) => {
      const [by, promo] = byOf(options);
      return manager.promos.createPromo({ ...promo, code }, by);
    },
  ),
  changeCommand(
    { name: 'promos change', args: ['code'], help: 'change fields of a promo code', flags: FIELDS },
    ({ manager, args: [code], options }: Typed<MutationOptions<unknown> & Partial<PromoInput>>) => {
      const [by, promo] = byOf(options);
      return manager.promos.updatePromo({ ...promo, code }, by);
    },
  ),
  changeCommand(
    { name: 'promos end', args: ['code'], help: 'switch a promo code off' },
    ({ manager, args: [code], options }: Typed<MutationOptions<unknown>>) =>
      manager.promos.updatePromo({ code, isActive: false }, options),
    async ({ manager, args: [code] }) => {
      const promo = found(await manager.promos.getPromo(code, { fresh: true }), `promo ${code}`);
      return `This would switch ${promo.code} off, which was claimed ${promo.totalClaims} times.`;
    },
  ),
];
