/** Automatic deduction for Hono. */
import type { DeductionOptions } from './contract.js';
import { Charge, CreditGate } from './credit-gate.js';
import { askedOf, charged, refusalOf } from './fetch.js';

/** The part of the context of Hono that is used. */
export interface HonoContext {
  /** The request. */
  readonly req: {
    /** As Fetch has it. */
    readonly raw: Request;
    /** Its path as the router sees it. */
    readonly path: string;
  };
  /** The answer. */
  res: Response;
  /** Reads a variable. */
  get(key: never): unknown;
  /** Sets a variable. */
  set(key: never, value: never): void;
}

const HOLD = 'creditReservation' as never;

/**
 * A middleware for Hono: `app.use('/api/*', creditDeduction({ credits: manager.credits, authenticate }))`. It puts
 * credits on hold, runs what comes next, and charges what the answer used, in one commit. The hold is
 * `c.get('creditReservation')`.
 *
 * A request without a user is answered with 401, one without credits with 402 and the code `INSUFFICIENT_CREDITS`; the
 * handler does not run. Two requests never spend the same credits. An answer of status 400 and above is not charged,
 * unless `chargeOnError` is set. A client that leaves is charged what was recorded. After a crash a hold ends at its
 * time to live.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example
 * app.use('/api/*', creditDeduction({ credits: manager.credits, authenticate: (c) => userOf(c.req.raw) }));
 * app.post('/api/chat', async (c) => {
 *   addLlmUsage({ model: 'gpt-4o', provider: 'openai', cost: 0.05 });
 *   return c.json({ text: 'Hello' });
 * });
 */
export function creditDeduction<C extends HonoContext = HonoContext>(
  options: DeductionOptions<C>,
): (c: C, next: () => Promise<void>) => Promise<Response | undefined> {
  const gate = new CreditGate(options);
  return async (c, next) => {
    const admitted = await gate.admit(askedOf(c, c.req.raw, c.get(HOLD) !== undefined, c.req.path));
    if (admitted === null) return void (await next());
    if (!(admitted instanceof Charge)) return refusalOf(admitted);
    c.set(HOLD, admitted.reservation as never);
    const answer = await charged(admitted, c.req.raw, async () => {
      await next();
      return c.res;
    });
    // Hono would add the headers of the answer before.
    (c as { res: Response | undefined }).res = undefined;
    c.res = answer;
  };
}
