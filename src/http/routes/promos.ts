/** Promo codes: a user's own claims, and the codes themselves for administrators. */
import { listSchema, mutationSchema, readSchema } from '../../models/inputs/credits.js';
import {
  claimsSchema,
  newPromoSchema,
  promoCodeSchema,
  promosSchema,
  promoUpdateSchema,
} from '../../models/inputs/promos.js';
import { identifierSchema } from '../../models/inputs/values.js';
import { strictObject } from '../../models/strict-object.js';
import { type Route, route } from '../route.js';
import { byShape, splitBy } from './plans.js';

const tag = 'Promos';
/** A dry run would show the account of the user who referred the one who claims. */
const claimSchema = mutationSchema.omit({ dryRun: true });
const claim = { userId: identifierSchema, promoCode: promoCodeSchema };
const admin = { method: 'POST', who: 'admin', tag } as const;
const code = { promoCode: promoCodeSchema };

/** Reads of one's own claims. */
export const claimReads: readonly Route[] = [
  route({
    ...{ name: 'listClaims', method: 'GET', path: '/credits/claims/{user_id}', who: 'user', tag },
    ...{ summary: 'The promo codes that a user claimed, newest first', args: { userId: identifierSchema } },
    ...{ options: listSchema, answer: 'Claims', example: { user_id: 'user-1' } },
    run: ({ manager }, args, options: object) =>
      manager.promos.listClaims({ ...options, userId: args.userId as string }),
  }),
];

export const claimRoutes: readonly Route[] = [
  route({
    ...{ name: 'checkEligibility', method: 'GET', path: '/credits/promo/eligibility', who: 'user', tag, self: true },
    ...{ summary: 'Whether a user could claim a promo code', args: claim, options: readSchema, answer: 'Eligibility' },
    example: { promo_code: 'LAUNCH100' },
    async run({ manager }, args, options) {
      const answer = await manager.promos.checkEligibility(args.userId, args.promoCode, options);
      return answer.eligible ? { ...answer, reason: null } : { ...answer, credits: 0, description: null };
    },
  }),
  route({
    ...{ name: 'claimPromo', method: 'POST', path: '/credits/promo/claim', who: 'user', tag, self: true },
    ...{ summary: 'Claim a promo code', args: claim, options: claimSchema, answer: 'Claim' },
    example: { user_id: 'user-1', promo_code: 'LAUNCH100' },
    async run({ manager }, args, options) {
      const answer = await manager.promos.claimPromo(args.userId, args.promoCode, options);
      return { transactionId: null, ...answer };
    },
  }),
];

export const promoRoutes: readonly Route[] = [
  route({
    ...{ ...admin, name: 'createPromo', path: '/admin/credits/promos', summary: 'Make a promo code' },
    ...{ options: strictObject({ ...newPromoSchema.shape, ...byShape }), answer: 'Promo', errors: ['PROMO_EXISTS'] },
    example: { code: 'WELCOME', credits: 50, max_uses: 1000 },
    async run({ manager }, _, options) {
      const { by, fields } = splitBy(options);
      return manager.promos.createPromo(fields, by);
    },
  }),
  route({
    ...{ ...admin, method: 'GET', name: 'listPromos', path: '/admin/credits/promos', summary: 'The promo codes' },
    ...{ options: promosSchema, answer: 'Promos', example: { active_only: 'true' } },
    run: ({ manager }, _, options) => manager.promos.listPromos(options),
  }),
  route({
    ...{ ...admin, method: 'GET', name: 'getPromo', path: '/admin/credits/promos/{promo_code}' },
    ...{ summary: 'One promo code with its count of claims', args: code, options: readSchema, answer: 'Promo' },
    example: { promo_code: 'LAUNCH100' },
    run: ({ manager }, args, options) => manager.promos.getPromo(args.promoCode, options),
  }),
  route({
    ...{ ...admin, method: 'PATCH', name: 'updatePromo', path: '/admin/credits/promos/{promo_code}', args: code },
    ...{ summary: 'Change a promo code', answer: 'Promo', errors: ['PROMO_NOT_FOUND'] },
    options: strictObject({ ...withoutCode(promoUpdateSchema.shape), ...byShape }),
    example: { promo_code: 'LAUNCH100', max_uses: 500 },
    async run({ manager }, args, options) {
      const { by, fields } = splitBy(options);
      return manager.promos.updatePromo({ ...(fields as object), code: args.promoCode }, by);
    },
  }),
  route({
    ...{ ...admin, name: 'togglePromo', path: '/admin/credits/promos/{promo_id}/toggle' },
    ...{ summary: 'Switch a promo code off, or on again', args: { promoId: identifierSchema } },
    ...{ options: mutationSchema, answer: 'Promo', errors: ['PROMO_NOT_FOUND'], example: { promo_id: 'LAUNCH100' } },
    run: ({ manager }, args, options) => manager.promos.togglePromo(args.promoId, options),
  }),
  route({
    ...{ ...admin, method: 'GET', name: 'listAllClaims', path: '/admin/credits/claims', summary: 'Claims of a code' },
    ...{ options: claimsSchema, answer: 'AllClaims', example: { code: 'LAUNCH100' } },
    run: ({ manager }, _, options) => manager.promos.listClaims(options),
  }),
];

function withoutCode<Shape extends { code: unknown }>({ code: _, ...shape }: Shape): Omit<Shape, 'code'> {
  return shape;
}
