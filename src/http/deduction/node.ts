/** Automatic deduction for whatever hands on requests of `node:http`: Express, Connect, NestJS, or nothing. */
import type { ServerResponse } from 'node:http';
import type { Reservation } from '../../models/records/reservation.js';
import { headerOf } from '../identity.js';
import type { MountedRequest } from '../node-message.js';
import { HEADERS, PROBLEMS } from '../problems.js';
import type { DeductionOptions, NodeRequest } from './contract.js';
import { type Asked, Charge, CreditGate, parserMissing } from './credit-gate.js';
import { followAnswer, isGone } from './node-answer.js';

/** A request that a framework mounted, and that may be held already. */
interface HeldMessage extends MountedRequest {
  /** The path that the middleware is mounted at. */
  readonly baseUrl?: string;
  creditReservation?: Reservation;
}

/** A middleware in the shape of Express and Connect. */
export type NodeMiddleware = (request: unknown, response: unknown, next: (error?: unknown) => void) => void;

/**
 * A middleware for Express: `app.use('/api', creditDeduction({ credits: manager.credits, authenticate }))`. It puts
 * credits on hold, runs what comes next, and charges what the answer used, in one commit. The hold is
 * `request.creditReservation`. It works on `node:http` and `node:http2` too: `guard(request, response, next)`, where
 * `next` gets an error if there is one.
 *
 * A request without a user is answered with 401, one without credits with 402 and the code `INSUFFICIENT_CREDITS`; the
 * handler does not run. Two requests never spend the same credits. An answer of status 400 and above is not charged,
 * unless `chargeOnError` is set. A client that leaves is charged what was recorded. After a crash a hold ends at its
 * time to live.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example
 * app.use('/api', creditDeduction({ credits: manager.credits, authenticate: (request) => userOf(request) }));
 * app.post('/api/chat', (request, response) => {
 *   addLlmUsage({ model: 'gpt-4o', provider: 'openai', cost: 0.05 });
 *   response.json({ text: 'Hello' });
 * });
 */
export function creditDeduction<Req = NodeRequest>(options: DeductionOptions<Req>): NodeMiddleware {
  const gate = new CreditGate(options);
  return (given, answer, next) => {
    const [request, response] = [given as HeldMessage, answer as ServerResponse];
    enter(gate, request, response).then(
      (charge) => {
        if (charge === 'answered') return;
        if (charge) charge.usages.run(next);
        else next();
      },
      (err) => {
        // Outside a framework it may be `() => handle(request, response)`, which would do the work all the same.
        if (request.originalUrl !== undefined || next.length > 0) return next(err);
        gate.options.logger.error({ err }, 'A request was refused, because its credits could not be put on hold');
        failed(response);
      },
    );
  };
}

function failed(response: ServerResponse): void {
  const { status, detail } = PROBLEMS.INVARIANT_VIOLATION;
  response.writeHead(status, HEADERS);
  response.end(JSON.stringify({ code: 'INVARIANT_VIOLATION', detail, request_id: '' }));
}

async function enter<Req>(
  gate: CreditGate<Req>,
  request: HeldMessage,
  response: ServerResponse,
): Promise<Charge | 'answered' | null> {
  const admitted = await gate.admit(askedOf(request)).catch((error) => {
    const isBodyless = gate.options.estimate && request.body === undefined && request.headers['content-type'];
    throw error instanceof TypeError && isBodyless ? parserMissing(error) : error;
  });
  if (admitted === null) return null;
  if (!(admitted instanceof Charge)) {
    const text = JSON.stringify(admitted.body);
    response.writeHead(admitted.status, { ...admitted.headers, 'content-length': Buffer.byteLength(text) });
    response.end(text);
    return 'answered';
  }
  if (isGone(request, response)) {
    await admitted.cancel();
    return 'answered';
  }
  request.creditReservation = admitted.reservation;
  followAnswer(request, response, admitted);
  return admitted;
}

function askedOf<Req>(request: HeldMessage): Asked<Req> {
  const { url = '/', originalUrl = url, baseUrl = '' } = request;
  const header = (name: string) => headerOf(request, name);
  const isHeld = request.creditReservation !== undefined;
  return { request: request as Req, targets: [originalUrl, `${baseUrl}${url}`], header, isHeld };
}
