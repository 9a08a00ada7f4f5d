/** The span of a call on its way through the pipeline. */
import type { TraceSpan } from '../../ports/tracer.js';
import { monotonicNow } from '../../timers.js';

/** The span of one call that changes something, and the instants between its parts. */
export class CallTrace {
  readonly beganAt = monotonicNow();
  /** When its batch began to decide, for the last time; 0 before. */
  takenAt = 0;
  /** When its commit was sent, for the last time; 0 before. */
  sentAt = 0;

  constructor(readonly span: TraceSpan) {}

  get traceparent(): string | null {
    return traceparentOf(this.span);
  }
}

/** The place of a span in its trace. The span may be of the host's making, and no call fails for it. */
export function traceparentOf(span: TraceSpan | null): string | null {
  try {
    return span?.traceparent ?? null;
  } catch {
    return null;
  }
}
