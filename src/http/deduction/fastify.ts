/** Automatic deduction for Fastify. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reservation } from '../../models/records/reservation.js';
import { headerOf } from '../identity.js';
import type { DeductionOptions, NodeRequest } from './contract.js';
import { Charge, CreditGate, type Refusal } from './credit-gate.js';
import { followAnswer, isGone } from './node-answer.js';

/** The part of a request of Fastify that is used. */
export interface FastifyRequestLike {
  /** As Node.js has it. */
  readonly raw: NodeRequest;
  /** The path and the query, as the client sent them. */
  readonly originalUrl: string;
  /** The hold; null for a path that costs nothing. */
  creditReservation?: Reservation | null;
}

interface ReplyLike {
  readonly raw: ServerResponse;
  code(status: number): ReplyLike;
  headers(headers: object): ReplyLike;
  send(body: unknown): unknown;
}

type Hook = (request: FastifyRequestLike, reply: ReplyLike, done: (error?: Error) => void) => void;

interface FastifyLike {
  decorateRequest(name: string, value: null): void;
  hasRequestDecorator(name: string): boolean;
  addHook(name: 'preHandler', hook: Hook): void;
}

/**
 * A plugin for Fastify: `await app.register(creditDeduction({ credits: manager.credits, authenticate }))`. It is for
 * the routes of the instance that it is registered on, and of those within. Its hook is a `preHandler`: bodies are
 * parsed when `estimate` is called. It puts credits on hold, runs the handler, and charges what the answer used, in one
 * commit. The hold is `request.creditReservation`.
 *
 * A request without a user is answered with 401, one without credits with 402 and the code `INSUFFICIENT_CREDITS`; the
 * handler does not run. Two requests never spend the same credits. An answer of status 400 and above is not charged,
 * unless `chargeOnError` is set. A client that leaves is charged what was recorded. After a crash a hold ends at its
 * time to live.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example
 * await app.register(creditDeduction({ credits: manager.credits, authenticate, pathPrefix: '/api' }));
 * app.post('/api/chat', async () => {
 *   addLlmUsage({ model: 'gpt-4o', provider: 'openai', cost: 0.05 });
 *   return { text: 'Hello' };
 * });
 */
export function creditDeduction<Req extends FastifyRequestLike = FastifyRequestLike>(
  options: DeductionOptions<Req>,
): (instance: unknown, options: unknown) => Promise<void> {
  const gate = new CreditGate(options);
  const plugin = async (instance: unknown) => {
    const app = instance as FastifyLike;
    if (!app.hasRequestDecorator('creditReservation')) app.decorateRequest('creditReservation', null);
    app.addHook('preHandler', (request, reply, done) => {
      enter(gate, request as Req, reply).then(
        (charge) => {
          if (charge === 'answered') return;
          if (charge) charge.usages.run(done);
          else done();
        },
        (error) => done(error),
      );
    });
  };
  // The hook is for the instance itself, not for one within it.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}

async function enter<Req extends FastifyRequestLike>(
  gate: CreditGate<Req>,
  request: Req,
  reply: ReplyLike,
): Promise<Charge | 'answered' | null> {
  const { originalUrl } = request;
  const raw = request.raw as IncomingMessage;
  const header = (name: string) => headerOf(raw, name);
  const isHeld = Boolean(request.creditReservation);
  const admitted = await gate.admit({ request, targets: [originalUrl, raw.url ?? '/'], header, isHeld });
  if (admitted === null) return null;
  if (!(admitted instanceof Charge)) return refuse(reply, admitted);
  if (isGone(raw, reply.raw)) {
    await admitted.cancel();
    return 'answered';
  }
  request.creditReservation = admitted.reservation;
  followAnswer(raw, reply.raw, admitted);
  return admitted;
}

function refuse(reply: ReplyLike, { status, headers, body }: Refusal): 'answered' {
  reply.code(status).headers(headers).send(body);
  return 'answered';
}
