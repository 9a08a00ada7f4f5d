/** Hands each request of the service to the API that it is for, and counts those under way. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createCreditsApi, createMerchantApi } from '../http/api.js';
import type { Answered, ApiOptions, RateLimit } from '../http/contract.js';
import { createDocs } from '../http/docs.js';
import { toNode } from '../http/node.js';
import { PROBLEMS } from '../http/problems.js';
import { limitRate } from '../http/rate-limit.js';
import { InMemoryRateLimiter } from '../limiters/memory.js';
import type { LoggerLike } from '../ports/logger.js';
import type { Tracer } from '../ports/tracer.js';
import { RedisRateLimiter } from '../redis/rate-limiter.js';
import { sleep } from '../timers.js';
import { printMetrics, type ServiceMetrics } from './metrics.js';
import type { ServiceParts } from './settings.js';

/** The requests of the service. */
export interface Listener {
  readonly underWay: number;
  readonly listen: RequestListener;
  /** Asks clients to close their connections, and waits for the requests under way, so long at most. */
  drain(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

const POLL_MS = 20;
const ACTION = { name: 'getMetrics', userId: null };

export interface ListenerTools {
  readonly logger: LoggerLike;
  /** Null where there are none, or where they have a port of their own. */
  readonly metrics: ServiceMetrics | null;
  readonly tracer: Tracer | undefined;
  /** Told of every request, whichever API answered it. */
  readonly onAnswer: (told: Answered) => void;
}

export function listenerOf(parts: ServiceParts, { logger, metrics, tracer, onAnswer }: ListenerTools): Listener {
  const { settings, manager, authenticate, authorize } = parts;
  const { REDIS_URL: url, PLUGIN_RATE_LIMIT_PER_MERCHANT: limit, RATE_LIMIT_WINDOW_SECONDS: windowSeconds } = settings;
  const limiter = url === undefined ? new InMemoryRateLimiter() : new RedisRateLimiter({ url });
  const shared: ApiOptions = { manager, authenticate, logger, tracer, onAnswer };
  const webhooks = manager.payments.listProviders();
  const credits = createCreditsApi({ ...shared, authorize, ...(webhooks.length > 0 && { webhooks }) });
  const ofMerchants = limitRate(limiter, { limit, windowSeconds });
  // Several monitors ask for the health every second, and it is about no merchant.
  const rateLimit: RateLimit = (who, action) => (action.name === 'getDetailedHealth' ? null : ofMerchants(who, action));
  const merchants = createMerchantApi({ ...shared, authorize, rateLimit, serviceName: settings.SERVICE_NAME });
  const toCredits = toNode(credits);
  const toMerchants = toNode(merchants);
  const toDocs = toNode(createDocs(credits));
  const underWay = new Set<ServerResponse>();
  let isDraining = false;

  const listen = (request: IncomingMessage, response: ServerResponse) => {
    underWay.add(response);
    response.once('close', () => underWay.delete(response));
    if (isDraining) response.setHeader('connection', 'close');
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (metrics && pathname === '/metrics') return void toMetrics(metrics, parts, request, response);
    const api = pathname.startsWith('/api/v1/') ? toMerchants : pathname === '/docs' ? toDocs : toCredits;
    api(request, response);
  };
  return {
    listen,
    get underWay() {
      return underWay.size;
    },
    async drain(withinMs) {
      isDraining = true;
      // A stream of events goes on until the manager is closed.
      const answers = () => [...underWay].filter(({ headersSent }) => !headersSent).length;
      for (let waited = 0; answers() > 0 && waited < withinMs; waited += POLL_MS) await sleep(POLL_MS);
    },
    async close() {
      if (limiter instanceof RedisRateLimiter) await limiter.close();
    },
  };
}

/** The metrics, for those whom `authorize` lets see them. */
async function toMetrics(
  metrics: ServiceMetrics,
  { authenticate, authorize }: ServiceParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const who = await (async () => authenticate(request as never))().catch(() => null);
  const isAllowed = who !== null && (await (async () => authorize(who, ACTION))().catch(() => false)) === true;
  if (isAllowed) return printMetrics(metrics, response);
  const code = who === null ? 'UNAUTHENTICATED' : 'FORBIDDEN';
  const { status, detail } = PROBLEMS[code];
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ code, detail }));
}
