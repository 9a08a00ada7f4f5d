/** The form of a row of the corpus, and the table from its codes to those of rule 50. */
import type { CreditErrorCode } from '../../src/index.js';
import type { Setting } from './setting.js';

/** The corpus' codes (`reliability.md` §3.12) as they are named in rule 50. */
export const codes = {
  'INVALID amount': 'INVALID_AMOUNT',
  INVALID: 'INVALID_ARGUMENT',
  'LIMIT_EXCEEDED amount': 'AMOUNT_TOO_LARGE',
  IDEMPOTENCY_KEY_REUSED: 'IDEMPOTENCY_CONFLICT',
  COMMIT_EXCEEDS_HOLD: 'COMMIT_EXCEEDS_RESERVATION',
  HOLD_NOT_FOUND: 'RESERVATION_NOT_FOUND',
  HOLD_CLOSED: 'RESERVATION_NOT_ACTIVE',
  HOLD_EXPIRED: 'RESERVATION_NOT_ACTIVE',
  ok: 'resolved',
} as const satisfies Readonly<Record<string, CreditErrorCode | 'resolved'>>;

export type CorpusCode = keyof typeof codes;
export type Result = CreditErrorCode | 'resolved';

/** Refusals that are written (rule 26): one error entry each, and the account's version moves. */
export const RECORDED: ReadonlySet<Result> = new Set<Result>(['COMMIT_EXCEEDS_RESERVATION', 'RESERVATION_NOT_ACTIVE']);

export interface CorpusRow {
  /** The row of the corpus, e.g. `B-001`. */
  readonly id: string;
  readonly input: string;
  readonly expected: CorpusCode;
  /** Each is tried by itself. */
  readonly attempts: readonly ((setting: Setting) => Promise<unknown>)[];
  /** Where the rules say otherwise, or where this API is not the corpus' one. */
  readonly instead?: { readonly result: Result; readonly rule: string };
  /** For what is accepted: whether it then behaves as plain data. */
  readonly check?: (setting: Setting) => Promise<void>;
}

export function resultOf({ expected, instead }: CorpusRow): Result {
  return instead?.result ?? codes[expected];
}
