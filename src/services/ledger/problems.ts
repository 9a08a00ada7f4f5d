/** What an audit finds: every problem counted, the first thousand told. */

import type { Problem, ProblemKind } from '../../models/records/ledger.js';

export type { Problem, ProblemKind };

const MOST_TOLD = 1_000;

export class Findings {
  readonly problems: Problem[] = [];
  count = 0;

  add(kind: ProblemKind, id: string, message: string): void {
    this.count++;
    if (this.problems.length < MOST_TOLD) this.problems.push({ kind, id: String(id), message });
  }
}
