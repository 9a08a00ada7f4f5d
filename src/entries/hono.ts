/**
 * credit-management/hono: automatic deduction for Hono 4.
 * @module
 */
export type { Authenticate, Identity } from '../http/contract.js';
export type { DeductionOptions, DeductionSettings, UsageSource, UserSource } from '../http/deduction/contract.js';
export { creditDeduction, type HonoContext } from '../http/deduction/hono.js';
