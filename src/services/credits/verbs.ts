/** The parts that the verbs of one credit type share: a user's account, amounts in units, and the way to the engine. */
import { type AmountRules, parseAmount } from '../../core/amounts.js';
import type { AccountRef } from '../../models/account.js';
import type { MutationOptions } from '../../models/inputs/credits.js';
import type { Applied } from '../../models/records/applied.js';
import type { Transaction } from '../../models/records/transaction.js';
import type { JsonObject } from '../../models/values.js';
import type { Engine, Mutation } from '../pipeline/engine.js';
import { answered, type Settled } from '../pipeline/operation.js';
import { RowReads } from '../pipeline/row-reads.js';
import { dryRunOf, toApplied } from '../pipeline/transaction-records.js';
import { entryOf } from './records.js';

/** A verb on one account. */
export interface Verb<S> {
  readonly operation: string;
  readonly userId: string;
  /** The caller's arguments that are not options, copied. */
  readonly given: JsonObject;
  readonly options: MutationOptions<S>;
  readonly command: Mutation<S>['command'];
}

export class Verbs<S> {
  readonly reads: RowReads<S>;

  constructor(
    readonly engine: Engine<S>,
    readonly creditType: string,
  ) {
    this.reads = new RowReads(engine);
  }

  get scale(): number {
    return this.engine.scale;
  }

  account(userId: string): AccountRef {
    return this.engine.account(this.creditType, userId);
  }

  units(amount: unknown, rules: Omit<AmountRules, 'scale'> = {}): number {
    return parseAmount(amount, { scale: this.scale, ...rules });
  }

  run({ operation, userId, given, options, command }: Verb<S>): Promise<Settled> {
    return this.engine.mutate({ operation, accounts: [this.account(userId)], given, options, command });
  }

  /** The answer of a verb whose answer is its transaction. */
  transaction(settled: Settled): Applied<Transaction> {
    const answer = answered(settled);
    const applied = toApplied(entryOf(answer.entry), this.scale, answer.replayed);
    return answer.isDryRun ? Object.assign(applied, dryRunOf(answer, this.scale)) : applied;
  }
}
