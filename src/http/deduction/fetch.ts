/** Automatic deduction for handlers of Fetch: route handlers of Next.js, Bun, Deno, Workers. */

import type { Reservation } from '../../models/records/reservation.js';
import type { Awaitable } from '../../models/values.js';
import type { DeductionOptions } from './contract.js';
import { type Asked, Charge, CreditGate, type Refusal } from './credit-gate.js';
import { followResponse } from './fetch-answer.js';

/** A request whose credits are on hold. */
export type HeldRequest = Request & {
  /** The hold; not there for a path that costs nothing. */
  readonly creditReservation?: Reservation;
};

/** A handler of Fetch. */
export type FetchHandler<Rest extends readonly unknown[]> = (
  request: HeldRequest,
  ...rest: Rest
) => Awaitable<Response>;

/**
 * Guards handlers of Fetch: `guard(handler)` is a handler that puts credits on hold, runs the handler, and charges what
 * the answer used, in one commit. The hold is `request.creditReservation`.
 *
 * A request without a user is answered with 401, one without credits with 402 and the code `INSUFFICIENT_CREDITS`; the
 * handler does not run. Two requests never spend the same credits. An answer that fails, and a handler that throws, is
 * not charged, unless `chargeOnError` is set. A client that leaves is charged what was recorded. After a crash a hold
 * ends at its time to live.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example
 * const guard = creditDeduction({ credits: manager.credits, authenticate });
 * export const POST = guard(async (request) => {
 *   const answer = await callModel(await request.json());
 *   addLlmUsage({ model: 'gpt-4o', provider: 'openai', cost: answer.tokens * 0.0003 });
 *   return Response.json(answer);
 * });
 */
export function creditDeduction(
  options: DeductionOptions<Request>,
): <Rest extends readonly unknown[]>(
  handler: FetchHandler<Rest>,
) => (request: Request, ...rest: Rest) => Promise<Response> {
  const gate = new CreditGate(options);
  return (handler) =>
    async (request, ...rest) => {
      const admitted = await gate.admit(askedOf(request, request, 'creditReservation' in request));
      if (admitted === null) return handler(request, ...rest);
      if (!(admitted instanceof Charge)) return refusalOf(admitted);
      const held = Object.assign(request, { creditReservation: admitted.reservation });
      return charged(admitted, request, () => handler(held, ...rest));
    };
}

/** Runs a handler in the usage context of its charge, and follows its answer. */
export async function charged(charge: Charge, request: Request, run: () => Awaitable<Response>): Promise<Response> {
  request.signal.addEventListener('abort', () => charge.leave({ status: 200, header: () => null, body: null }), {
    once: true,
  });
  try {
    return await followResponse(await charge.usages.run(run), charge, request);
  } catch (error) {
    // The handler threw, or what it answered is nothing that can be sent: no response, or one whose body was read.
    await charge.cancel();
    throw error;
  }
}

export function askedOf<Req>(request: Req, { url, headers }: Request, isHeld: boolean, path?: string): Asked<Req> {
  const { pathname } = new URL(url);
  const targets = path === undefined ? [pathname] : [pathname, path];
  return { request, targets, header: (name) => headers.get(name), isHeld };
}

export function refusalOf({ status, headers, body }: Refusal): Response {
  return Response.json(body, { status, headers });
}
