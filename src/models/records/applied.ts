/** The answer of a call that changes something. */
import type { DryRun } from './dry-run.js';

/** `replayed`: an earlier call with the same key or the same final input had this result; nothing was repeated. */
export type Applied<T> = T & {
  /** Whether an earlier call had this result. */
  readonly replayed: boolean;
  /** What the call would write; of a call with `dryRun: true` alone, unless it repeats one that was applied. */
  readonly dryRun?: DryRun;
};
