/** One call of a model, as the host records it. */
import type { Metadata } from '../values.js';

/** One model call; `cost` is in credits, with any number of decimals. */
export interface LlmUsage {
  /** The name of the model. */
  model: string;
  /** The one who runs it. */
  provider: string;
  /** Credits, with any number of decimals. */
  cost: number;
  /** A plain JSON object of your own about the call. */
  metadata?: Metadata | undefined;
}
