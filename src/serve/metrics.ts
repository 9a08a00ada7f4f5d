/** The metrics of the service: those of the library, of its requests, and of the process. */
import type { ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Answered } from '../http/contract.js';
import { prometheusMetrics } from '../metrics/prometheus.js';
import type { LoggerLike } from '../ports/logger.js';
import type { MetricsRecorder } from '../ports/metrics-recorder.js';

/** The metrics of one service. */
export interface ServiceMetrics {
  readonly recorder: MetricsRecorder;
  readonly contentType: string;
  /** Everything in the text format of Prometheus. */
  text(): Promise<string>;
  answered(told: Answered): void;
  /** Asks how many requests are under way whenever somebody reads the metrics. The answer ends that. */
  watch(underWay: () => number): () => void;
}

/** The metrics of the process: one collector for all its services, as none can be stopped. */
let ofProcess: Registry | undefined;

function measureProcess({ Registry, collectDefaultMetrics }: typeof import('prom-client')): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

/** Null where `prom-client` is not installed, which the log tells. */
export async function serviceMetrics(service: string, logger: LoggerLike): Promise<ServiceMetrics | null> {
  const client = await import('prom-client').catch((error: { readonly code?: unknown }) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' && error.code !== 'MODULE_NOT_FOUND') throw error;
    return null;
  });
  if (client === null) {
    logger.warn({}, 'There are no metrics: npm install prom-client, or set ENABLE_METRICS=false');
    return null;
  }
  const registry: Registry = new client.Registry();
  ofProcess ??= measureProcess(client);
  const all = [registry, ofProcess];
  const recorder = prometheusMetrics({ registry });
  return {
    recorder,
    contentType: registry.contentType,
    text: async () => (await Promise.all(all.map((each) => each.metrics()))).join(''),
    answered({ method, route, status, durationMs }) {
      const endpoint = route ?? 'none';
      recorder.counter('http_requests_total', [service, method, endpoint, String(status)])(1);
      recorder.histogram('http_request_duration_seconds', [service, method, endpoint])(durationMs / 1_000);
    },
    watch: (underWay) =>
      recorder.watch(() => [{ name: 'http_requests_in_progress', labels: [service], value: underWay() }]),
  };
}

/** Answers a request with the metrics. */
export async function printMetrics(metrics: ServiceMetrics, response: ServerResponse): Promise<void> {
  const text = await metrics.text().catch(() => null);
  if (text === null) return void response.writeHead(500).end();
  response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
}
