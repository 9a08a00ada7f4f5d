/** Spans in OpenTelemetry, through its API package alone: the host chooses the SDK, and registers it. */
import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { creditError } from '../errors.js';
import type { SpanOptions, Tracer, TraceSpan } from '../ports/tracer.js';

export interface OpenTelemetryOptions {
  /** The provider whose tracer is used; default the one that is registered as the global one, now or later. */
  readonly tracerProvider?: TracerProvider | undefined;
}

const NAME = 'credit-management';
const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/**
 * Makes a tracer for the option `tracer` of a manager and of an API. Each call that changes something is a span below
 * the one that runs, with the times that it waited, was decided and was committed; a commit of several calls is a span
 * of its own with links to them. The context goes on in the event (`traceparent`), and with it to sinks and consumers.
 * No field of a span names a user, an account, or an amount.
 *
 * Without a registered SDK it does next to nothing. The SDK must register a context manager too, as
 * `NodeTracerProvider.register()` does, or calls do not find the span above them.
 *
 * @throws CONFIGURATION where `tracerProvider` is none.
 * @example
 * const tracer = openTelemetryTracer();
 * const manager = createCreditManagement({ db, tracer });
 * const api = createCreditsApi({ manager, authenticate, tracer });
 */
export function openTelemetryTracer({ tracerProvider }: OpenTelemetryOptions = {}): Tracer {
  if (tracerProvider !== undefined && typeof tracerProvider?.getTracer !== 'function') {
    const problem = 'tracerProvider is no TracerProvider of OpenTelemetry';
    throw creditError('CONFIGURATION', `openTelemetryTracer: ${problem}.`, { problems: [problem] });
  }
  // The global one hands on to the SDK once that is registered.
  const tracer = (tracerProvider ?? trace).getTracer(NAME);
  return {
    start(name, options) {
      const active = context.active();
      const above = contextAbove(active, options);
      return new OtelSpan(tracer.startSpan(name, optionsOf(options, active), above), above);
    },
  };
}

function optionsOf({ kind = 'internal', fields, links }: SpanOptions, active: Context) {
  const isBelowServer = kind === 'server' && trace.getSpan(active) !== undefined;
  return {
    kind: isBelowServer ? SpanKind.INTERNAL : KINDS[kind],
    ...(fields && { attributes: fields }),
    ...(links && { links: links.flatMap((link) => (link instanceof OtelSpan ? [{ context: link.context }] : [])) }),
  };
}

class OtelSpan implements TraceSpan {
  readonly #span: Span;
  readonly #above: Context;

  constructor(span: Span, above: Context) {
    this.#span = span;
    this.#above = above;
  }

  get context(): SpanContext {
    return this.#span.spanContext();
  }

  get traceparent(): string | null {
    const { traceId, spanId, traceFlags } = this.context;
    if (!isSpanContextValid(this.context)) return null;
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  get isRecorded(): boolean {
    return this.#span.isRecording();
  }

  within<T>(work: () => T): T {
    return context.with(trace.setSpan(this.#above, this.#span), work);
  }

  end({ name, fields, error }: Parameters<TraceSpan['end']>[0]): void {
    if (name !== undefined) this.#span.updateName(name);
    if (fields) this.#span.setAttributes(fields);
    if (error) {
      this.#span.setAttribute('error.type', error);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    }
    this.#span.end();
  }
}

function contextAbove(active: Context, { parent, links, kind }: SpanOptions): Context {
  if (typeof parent === 'string') {
    const remote = spanContextOf(parent);
    if (remote) return trace.setSpanContext(active, remote);
    // A message belongs to its sender's trace, not to that of whoever fetched it.
    return kind === undefined ? active : trace.deleteSpan(active);
  }
  if (parent) return trace.getSpan(active) ? active : propagation.extract(active, parent, GETTER);
  if (links === undefined) return active;
  const [link] = links;
  return links.length === 1 && link instanceof OtelSpan ? trace.setSpanContext(active, link.context) : ROOT_CONTEXT;
}

const GETTER = {
  get: (headers: { get(header: string): string | null }, name: string) => headers.get(name) ?? undefined,
  // W3C Trace Context asks for names that are known.
  keys: () => [],
};

/** Version 00, which later versions begin with. https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;

function spanContextOf(traceparent: string): SpanContext | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  const found = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(found) && !traceparent.startsWith('ff') ? found : null;
}
