/** Collects the problems that an audit finds: it counts them all and lists the first thousand. */
import type { Problem, ProblemKind } from '../../models/records/ledger.js';

export type { Problem, ProblemKind };

const LISTED_MAX = 1_000;

export class Problems {
  readonly listed: Problem[] = [];
  count = 0;

  add(kind: ProblemKind, id: string, message: string): void {
    this.count++;
    if (this.listed.length < LISTED_MAX) this.listed.push({ kind, id: String(id), message });
  }
}
