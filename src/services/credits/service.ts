/** A credit service: the verbs of one credit type on a shared engine. */
import { type DecisionSettings, readingContext } from '../pipeline/context.js';
import type { Engine } from '../pipeline/engine.js';
import type { BalanceCache } from './balance-cache.js';
import type { CreditService } from './contract.js';
import { HoldDirectory } from './hold-directory.js';
import { creditMetering } from './meter.js';
import { creditMutations } from './mutations.js';
import { creditReads } from './reads.js';

export interface CreditServiceParts<S> {
  readonly engine: Engine<S>;
  readonly creditType: string;
  readonly settings: () => DecisionSettings;
  readonly cache: BalanceCache | null;
}

export function buildCreditService<S>({
  engine,
  creditType,
  settings,
  cache,
}: CreditServiceParts<S>): CreditService<S> {
  const holds = new HoldDirectory(engine, creditType);
  const context = () => readingContext(settings(), creditType);
  const mutations = creditMutations(engine, creditType, holds);
  return {
    ...mutations,
    ...creditReads({ engine, creditType, holds, context, cache }),
    ...creditMetering(mutations, engine.scale, engine.logger),
  };
}
