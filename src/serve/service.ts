/** The service: APIs, jobs, delivery of events and messages in, on one port, with everything from the environment. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Environment } from '../config/read.js';
import type { Settings } from '../config/variables.js';
import { isCreditError } from '../errors.js';
import type { Answered } from '../http/contract.js';
import type { CreditManagement } from '../services/manager/contract.js';
import { withDeadline } from '../timers.js';
import { listenerOf } from './listener.js';
import { serviceLogger } from './logger.js';
import { printMetrics, type ServiceMetrics, serviceMetrics } from './metrics.js';
import { readService } from './settings.js';
import { serviceTracing } from './tracing.js';

export interface OpenedService {
  readonly url: string;
  readonly manager: CreditManagement<unknown>;
  /** Accepts nothing more, finishes what runs, gives messages back, and closes everything, within ten seconds. */
  close(): Promise<void>;
}

/** The reasons why the service does not start. */
export interface Refused {
  readonly problems: readonly string[];
}

const PORT = 8_015;
const NAME = 'credit-service';
/** Milliseconds that requests under way have; those of the manager's own calls come after them. */
const DRAIN_MS = 3_500;
/** A database that does not answer by then may come later. */
const OPEN_MS = 3_000;
/** Longer than load balancers keep an idle connection, so that they, who know, close it first. */
const KEEP_ALIVE_MS = 65_000;

/** Starts the service, or tells everything that is wrong with its configuration. Only the port must be free. */
export async function openService(env: Environment, logger = loggerOf(env)): Promise<OpenedService | Refused> {
  const isMeasured = env.ENABLE_METRICS !== 'false';
  const metrics = isMeasured ? await serviceMetrics(env.SERVICE_NAME || NAME, logger) : null;
  const tracing = await serviceTracing();
  const { parts, problems } = readService(env, { logger, metrics: metrics?.recorder, tracer: tracing?.tracer });
  if (parts === null) return { problems };
  const { settings, manager, warnings } = parts;
  for (const warning of warnings) logger.warn({ warning }, 'A variable is read by nothing');
  const refused = await opened(manager, logger);
  if (refused) {
    await manager.close();
    return refused;
  }
  const onAnswer = (told: Answered) => {
    metrics?.answered(told);
    logAnswer(logger, told);
  };
  const { PROMETHEUS_PORT: ownPort, SERVICE_PORT: mainPort = PORT } = settings;
  const shown = ownPort === undefined ? metrics : null;
  const listener = listenerOf(parts, { logger, metrics: shown, tracer: tracing?.tracer, onAnswer });
  const unwatch = metrics?.watch(() => listener.underWay);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, listener.listen);
  const forMetrics = metrics && ownPort !== undefined ? createServer(onlyMetrics(metrics)) : null;
  const closeAll = async () => {
    await Promise.all([manager.close(), listener.close()]);
    for (const one of [server, forMetrics]) one?.closeAllConnections();
    forMetrics?.close();
    unwatch?.();
  };
  try {
    await listening(server, mainPort, settings);
    if (forMetrics) await listening(forMetrics, ownPort as number, settings);
  } catch (error) {
    server.close();
    await closeAll();
    const { port = mainPort, message } = error as Error & { readonly port?: number };
    return { problems: [`the port ${port} cannot be used: ${message}`] };
  }
  manager.start();
  const { port, address, family } = server.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  const metricsPort = (forMetrics?.address() as AddressInfo | undefined)?.port;
  logger.info({ address, port, metricsPort, database: manager.db.name }, 'Service started');
  const end = async () => {
    const ended = new Promise<void>((resolve) => void server.close(() => resolve()));
    server.closeIdleConnections();
    await listener.drain(DRAIN_MS);
    await closeAll();
    await ended;
    await tracing?.flush();
    logger.info({}, 'Service stopped');
  };
  let ending: Promise<void> | null = null;
  return {
    url,
    manager,
    close: () => {
      ending ??= end();
      return ending;
    },
  };
}

function loggerOf({ LOG_LEVEL: level, DEBUG: debug, SERVICE_NAME: name }: Environment): Logger {
  const known: Readonly<Record<string, string>> = { debug: 'debug', info: 'info', warning: 'warn', warn: 'warn' };
  const stated = (level || (debug === 'true' ? 'debug' : 'info')).toLowerCase();
  return serviceLogger({ name: name || NAME, level: known[stated] ?? 'error' });
}

/** Opens the database. One that is away may come later; one that cannot be used at all is a reason not to start. */
async function opened(manager: CreditManagement<unknown>, logger: Logger): Promise<Refused | null> {
  try {
    await withDeadline(manager.init(), OPEN_MS, () => new Error('It did not answer in time.'));
    return null;
  } catch (err) {
    if (isCreditError(err, 'CONFIGURATION')) return { problems: err.details.problems };
    if (isCreditError(err, 'TRANSACTIONS_UNSUPPORTED')) return { problems: [err.message] };
    logger.error({ err }, 'The database cannot be reached; the service waits for it');
    return null;
  }
}

function onlyMetrics(metrics: ServiceMetrics): RequestListener {
  return ({ url }, response) => {
    if (url?.split('?')[0] === '/metrics') void printMetrics(metrics, response);
    else response.writeHead(404).end();
  };
}

function listening(server: Server, port: number, settings: Settings): Promise<void> {
  const isOpen = settings.CREDIT_DANGEROUSLY_OPEN === true;
  const host = settings.SERVICE_HOST ?? (isOpen ? '127.0.0.1' : '0.0.0.0');
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}

function logAnswer(logger: Logger, { name: _, traceId, durationMs, ...answered }: Answered): void {
  const told = { ...answered, ...(traceId !== null && { traceId }), durationMs: Math.round(durationMs * 10) / 10 };
  if (answered.status >= 500) logger.error(told, 'Request answered');
  else logger.info(told, 'Request answered');
}
