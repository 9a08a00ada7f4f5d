/** The port to a system of distributed tracing, such as OpenTelemetry. */

/** Values that a span is looked up by. None names an account. */
export type SpanFields = Readonly<Record<string, string | number | boolean>>;

/** A piece of work under way. No method may throw, and none may take long. */
export interface TraceSpan {
  /** Its place in its trace, as the header `traceparent` of W3C Trace Context has it; null where there is no trace. */
  readonly traceparent: string | null;
  /** Whether somebody keeps it. The fields of one that nobody keeps need not be made. */
  readonly isRecorded: boolean;
  /** Calls `work` so that everything that it begins is below this span. */
  within<T>(work: () => T): T;
  /** Ends it: `name` replaces its name, and `error` is the code of what went wrong. */
  end(told: { readonly name?: string; readonly fields?: SpanFields; readonly error?: string | null }): void;
}

export interface SpanOptions {
  /** The side of an exchange: answering a request, giving away a message, or taking one. Default `internal`. */
  readonly kind?: 'internal' | 'server' | 'producer' | 'consumer';
  /** Values that it begins with. More may come when it ends. */
  readonly fields?: SpanFields;
  /**
   * The span above it: the one that runs now, by default; that of a `traceparent`; or that of a request's headers,
   * unless a span runs already.
   */
  readonly parent?:
    | string
    | {
        /** The value of a header; null where the request has none of this name. */
        get(header: string): string | null;
      };
  /** Spans that led to it together. One of them is above it; of several none is. */
  readonly links?: readonly TraceSpan[];
}

/** Begins spans. `openTelemetryTracer` of `credit-management/otel` makes one. */
export interface Tracer {
  /** Begins a span. What it throws is logged once, and the work goes on without a span. */
  start(name: string, options: SpanOptions): TraceSpan;
}
