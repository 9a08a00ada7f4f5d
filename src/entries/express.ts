/**
 * credit-management/express: automatic deduction for Express 4 and 5, and for whatever hands on requests of
 * `node:http`.
 * @module
 */
import type { Reservation } from '../models/records/reservation.js';

declare global {
  namespace Express {
    interface Request {
      /** The hold of this request; not there for a path that costs nothing. */
      creditReservation?: Reservation;
    }
  }
}

export type { Authenticate, Identity } from '../http/contract.js';
export type {
  DeductionOptions,
  DeductionSettings,
  NodeRequest,
  UsageSource,
  UserSource,
} from '../http/deduction/contract.js';
export { creditDeduction, type NodeMiddleware } from '../http/deduction/node.js';
