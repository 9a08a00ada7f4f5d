/** Tells a tracer about calls, commits, deliveries and messages. Its errors are logged once and fail nothing. */
import { isCreditError } from '../../errors.js';
import type { LoggerLike } from '../../ports/logger.js';
import type { SpanFields, SpanOptions, Tracer, TraceSpan } from '../../ports/tracer.js';
import { monotonicNow } from '../../timers.js';
import { CallTrace } from './call-trace.js';
import type { Group } from './group.js';
import { Failed, type Operation, type Settled } from './operation.js';

const NO_OPTIONS: SpanOptions = {};

export class Tracing {
  readonly #tracer: Tracer;
  readonly #logger: LoggerLike;
  #hasFailed = false;

  constructor(tracer: Tracer, logger: LoggerLike) {
    this.#tracer = tracer;
    this.#logger = logger;
  }

  /** Begins the span of a call; null where the tracer makes none. */
  begin(verb: string): CallTrace | null {
    const span = this.#start(`credits.${verb}`, NO_OPTIONS);
    return span && new CallTrace(span);
  }

  /** A batch begins to decide. */
  taken(groups: readonly Group[]): void {
    const now = monotonicNow();
    for (const { operations } of groups) for (const { trace } of operations) if (trace) trace.takenAt = now;
  }

  /** Commits a batch inside a span that is linked to those of its calls. */
  commit<T>(groups: readonly Group[], write: () => Promise<T>): Promise<T> {
    const now = monotonicNow();
    const links: TraceSpan[] = [];
    let calls = 0;
    for (const { decided } of groups) {
      for (const { trace } of decided?.sent ?? []) {
        calls++;
        if (!trace) continue;
        trace.sentAt = now;
        this.#safely(() => trace.span.isRecorded && links.push(trace.span));
      }
    }
    if (links.length === 0) return write();
    const fields = { 'credits.calls': calls, 'credits.units': groups.length };
    return this.run('credits.commit', { links, fields }, write);
  }

  /** A call is answered. */
  readonly answered = (operation: Operation, error: unknown): void => {
    const { trace } = operation;
    if (trace) this.#ended(trace, error ?? operation.error, operation);
  };

  /** The same for a call in a host's transaction. */
  settled(trace: CallTrace, settled: Settled): void {
    this.#ended(trace, settled instanceof Failed ? settled.error : null, null);
  }

  /** Does work inside a span. `endedBy` makes what the span is told at its end; without it, only of an error. */
  async run<T>(
    name: string,
    options: SpanOptions,
    work: (span: TraceSpan | null) => Promise<T>,
    endedBy?: (result: T) => Parameters<TraceSpan['end']>[0],
  ): Promise<T> {
    const span = this.#start(name, options);
    if (span === null) return work(null);
    let begun: Promise<T> | undefined;
    const begin = () => {
      begun ??= work(span);
      return begun;
    };
    this.#safely(() => span.within(begin));
    try {
      const result = await begin();
      this.#safely(() => span.end(endedBy?.(result) ?? {}));
      return result;
    } catch (error) {
      this.#safely(() => span.end({ error: codeOf(error) }));
      throw error;
    }
  }

  #ended({ span, beganAt, takenAt, sentAt }: CallTrace, failure: unknown, operation: Operation | null): void {
    try {
      if (!span.isRecorded) {
        span.end({});
        return;
      }
      const error = failure ? codeOf(failure) : null;
      const fields: Record<string, SpanFields[string]> = { 'credits.outcome': error ?? 'ok' };
      if (operation !== null) {
        const now = monotonicNow();
        fields['credits.wait_ms'] = (takenAt || sentAt || now) - beganAt;
        if (takenAt > 0) fields['credits.decide_ms'] = Math.max(0, (sentAt || now) - takenAt);
        if (sentAt > 0) fields['credits.commit_ms'] = now - sentAt;
        if (operation.conflicts > 0) fields['credits.conflicts'] = operation.conflicts;
        if (operation.answer?.replayed) fields['credits.replayed'] = true;
      }
      span.end({ fields, error });
    } catch (err) {
      this.#failed(err);
    }
  }

  #start(name: string, options: SpanOptions): TraceSpan | null {
    try {
      return this.#tracer.start(name, options);
    } catch (err) {
      this.#failed(err);
      return null;
    }
  }

  #safely(tell: () => unknown): void {
    try {
      tell();
    } catch (err) {
      this.#failed(err);
    }
  }

  #failed(err: unknown): void {
    if (!this.#hasFailed) this.#logger.error({ err }, 'Tracing failed; operations go on without it');
    this.#hasFailed = true;
  }
}

function codeOf(error: unknown): string {
  return isCreditError(error) ? error.code : 'INVARIANT_VIOLATION';
}
