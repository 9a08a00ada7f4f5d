/**
 * credit-management/fastify: automatic deduction for Fastify 5.
 * @module
 */
export type { Authenticate, Identity } from '../http/contract.js';
export type {
  DeductionOptions,
  DeductionSettings,
  NodeRequest,
  UsageSource,
  UserSource,
} from '../http/deduction/contract.js';
export { creditDeduction, type FastifyRequestLike } from '../http/deduction/fastify.js';
