/** What an audit finds: every problem counted, the first thousand told. */

/**
 * - `sequence`, `chain`, `hash`, `balance`, `available`, `time`, `columns`: of an entry, by its id.
 * - `future`: an operation dated later than now.
 * - `account`, `grant`, `hold`: a row that is not what the entries make of it, or is missing, by its id.
 * - `file_missing`, `file_differs`: an entry without its line, or whose line has other content, by its id.
 * - `file_unknown`: a line of this ledger whose entry the database does not have, by the line's id.
 * - `file_damaged`: a line that cannot be read, as `line N`.
 */
export type ProblemKind =
  | 'sequence'
  | 'chain'
  | 'hash'
  | 'balance'
  | 'available'
  | 'time'
  | 'columns'
  | 'future'
  | 'account'
  | 'grant'
  | 'hold'
  | 'file_missing'
  | 'file_differs'
  | 'file_unknown'
  | 'file_damaged';

export interface Problem {
  readonly kind: ProblemKind;
  /** The entry, account, grant or hold it is about; `line N` of the file where no id can be read. */
  readonly id: string;
  readonly message: string;
}

const MOST_TOLD = 1_000;

export class Findings {
  readonly problems: Problem[] = [];
  count = 0;

  add(kind: ProblemKind, id: string, message: string): void {
    this.count++;
    if (this.problems.length < MOST_TOLD) this.problems.push({ kind, id: String(id), message });
  }
}
