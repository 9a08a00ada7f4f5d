/** The span of a call on its way through the pipeline. */
import type { TraceSpan } from '../../ports/tracer.js';

/** The span of one call that changes something, and the instants between its parts. */
export interface CallTrace {
  readonly span: TraceSpan;
  readonly beganAt: number;
  /** When its batch began to decide, for the last time; 0 before. */
  takenAt: number;
  /** When its commit was sent, for the last time; 0 before. */
  sentAt: number;
}
