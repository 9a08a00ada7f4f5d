/** A tracing SDK that keeps its spans in memory, registered for one test. */
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { onTestFinished } from 'vitest';

export interface Spans {
  /** Those that have ended, oldest first. */
  all(): readonly ReadableSpan[];
  named(name: string): readonly ReadableSpan[];
}

/** Registers an SDK until the test is over. */
export function recordSpans(sampler?: Sampler): Spans {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    ...(sampler && { sampler }),
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  onTestFinished(async () => {
    for (const api of [trace, context, propagation]) api.disable();
    await provider.shutdown();
  });
  const all = () => exporter.getFinishedSpans();
  return { all, named: (name) => all().filter((span) => span.name === name) };
}

export const traceOf = (span: ReadableSpan | undefined) => span?.spanContext().traceId;
export const idOf = (span: ReadableSpan | undefined) => span?.spanContext().spanId;
