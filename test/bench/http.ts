/**
 * Servers on loopback, each against another one, rounds alternating in one run and in one process with the client, so
 * that only ratios count. In memory, or on the PostgreSQL that CREDIT_DATABASE_URL names.
 */
import { createHash } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCreditManagement } from 'credit-management';
import { bearerTokens, createCreditsApi, toNode } from 'credit-management/http';
import { SqlDbManager } from 'credit-management/sql';
import { ACCOUNTS, AMOUNT, accountsOf, fund, loop, median, type Result } from './closed-loop.js';
import { middlewareContestants } from './http-middleware.js';
import { RawClient } from './raw-client.js';

const IN_FLIGHT = 64;
const TOKEN = 'secret-of-the-bench';
const BARE = 'bare route';
const BY_HAND = 'bare route that deducts';

export interface HttpBenchOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly json: boolean;
}

/** A server that is measured. */
export interface Contestant {
  readonly design: string;
  readonly handler: RequestListener;
  /** The path and the body of the n-th request, which is a POST. */
  request(n: number): { readonly path: string; readonly body: string };
  /** What it is compared with, and which part of its rate is the goal. */
  readonly against?: readonly { readonly design: string; readonly goal?: number }[];
  close?(): Promise<void>;
}

const accountOf = accountsOf('uniform');
const deduction = (path: string) => (n: number) => ({
  path,
  body: `{"user_id":"user-${accountOf(n)}","amount":${AMOUNT}}`,
});

/** A route of plain Node.js that parses the body, and answers what `act` makes of it. */
function bare(act: (body: { user_id: string; amount: number }) => object | Promise<object>): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = JSON.stringify(await act(JSON.parse(Buffer.concat(chunks).toString())));
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    });
  };
}

async function contestants(): Promise<readonly Contestant[]> {
  const url = process.env.CREDIT_DATABASE_URL;
  const manager = createCreditManagement(url ? { db: new SqlDbManager({ url, poolSize: 10 }) } : {});
  await fund(manager);
  const key = createHash('sha256').update(TOKEN).digest('hex');
  const authenticate = bearerTokens({ [key]: { userId: 'ops', roles: ['admin'] } });
  const api = createCreditsApi({ manager, authenticate, authorize: (who) => who.roles?.includes('admin') === true });
  return [
    { design: BARE, handler: bare((body) => body), request: deduction('/deduct') },
    {
      design: BY_HAND,
      handler: bare(({ user_id, amount }) => manager.credits.deductCredits(user_id, amount)),
      request: deduction('/deduct'),
      against: [{ design: BARE }],
    },
    {
      design: 'POST /credits/deduct',
      handler: toNode(api),
      request: deduction('/credits/deduct'),
      against: [{ design: BARE, goal: 0.5 }, { design: BY_HAND }],
      close: () => manager.close(),
    },
    ...(await middlewareContestants(manager)),
  ];
}

/** Requests in a closed loop for some seconds; each must be answered with 200. */
async function measure({ design, handler, request }: Contestant, seconds: number): Promise<Result> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const client = new RawClient((server.address() as AddressInfo).port, { authorization: `Bearer ${TOKEN}` });
  const measured = await loop((n) => client.post(request(n)), IN_FLIGHT, seconds);
  client.close();
  await new Promise((resolve) => server.close(resolve));
  return { adapter: 'http', design, workload: 'uniform', inFlight: IN_FLIGHT, history: 0, ...measured };
}

export async function benchHttp({ seconds, rounds, json }: HttpBenchOptions): Promise<void> {
  const all = await contestants();
  const rates = new Map<string, number[]>(all.map(({ design }) => [design, []]));
  for (const contestant of all) await measure(contestant, Math.min(1, seconds));
  for (let round = 0; round < rounds; round++) {
    for (const contestant of all) {
      globalThis.gc?.();
      const result = await measure(contestant, seconds);
      rates.get(contestant.design)?.push(result.opsPerSecond);
      if (json) console.log(JSON.stringify(result));
    }
  }
  for (const { close } of all) await close?.();
  if (json) return;
  console.log(`${IN_FLIGHT} in flight on ${ACCOUNTS.toLocaleString('en')} accounts, client and server in one process`);
  for (const { design, against = [] } of all) {
    const own = rates.get(design) ?? [];
    const ratios = against.map(({ design: other, goal }) => {
      const ratio = median(own.map((value, i) => value / (rates.get(other)?.[i] ?? Number.NaN)));
      return `${ratio.toPrecision(3)} of the ${other}${goal === undefined ? '' : ` (goal ${goal})`}`;
    });
    const rate = `${design}: ${Math.round(median(own)).toLocaleString('en')} requests/s`;
    console.log([rate, ...ratios].join(', '));
  }
}
