/** The tracer of the service: OpenTelemetry, where its API is installed. The host's own program registers the SDK. */
import type { Tracer } from '../ports/tracer.js';
import { withDeadline } from '../timers.js';

/** Spans that are not sent by then are lost. */
const FLUSH_MS = 1_000;

export interface ServiceTracing {
  readonly tracer: Tracer;
  /** Sends the spans that wait in this process. Never rejects. */
  flush(): Promise<void>;
}

/** Null where `@opentelemetry/api` is not installed: then nobody can have registered an SDK either. */
export async function serviceTracing(): Promise<ServiceTracing | null> {
  const api = await import('@opentelemetry/api').catch((error: { readonly code?: unknown }) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' && error.code !== 'MODULE_NOT_FOUND') throw error;
    return null;
  });
  if (api === null) return null;
  const { openTelemetryTracer } = await import('../otel/tracer.js');
  return {
    tracer: openTelemetryTracer(),
    async flush() {
      const provider = api.trace.getTracerProvider() as Flushing & { getDelegate?(): Flushing };
      const flushed = (async () => (provider.getDelegate?.() ?? provider).forceFlush?.())();
      await withDeadline(flushed, FLUSH_MS, () => new Error('It took too long.')).catch(() => {});
    },
  };
}

interface Flushing {
  forceFlush?(): Promise<void>;
}
