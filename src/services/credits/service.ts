/** A credit service: the verbs of one credit type on a shared engine. */
import type { Context } from '../../core/command.js';
import type { DecisionSettings } from '../pipeline/decide-group.js';
import type { Engine } from '../pipeline/engine.js';
import type { CreditService } from './contract.js';
import { HoldDirectory } from './hold-directory.js';
import { creditMetering } from './meter.js';
import { creditMutations } from './mutations.js';
import { creditReads } from './reads.js';

export function buildCreditService<S>(
  engine: Engine<S>,
  creditType: string,
  settings: () => DecisionSettings,
): CreditService<S> {
  const holds = new HoldDirectory(engine, creditType);
  const context = () => readingContext(settings(), creditType);
  const mutations = creditMutations(engine, creditType, holds);
  return {
    ...mutations,
    ...creditReads(engine, creditType, holds, context),
    ...creditMetering(mutations, engine.scale, engine.logger),
  };
}

/** What an account is looked at with, where nothing is decided. */
export function readingContext({ now, ...shared }: DecisionSettings, creditType: string): Context {
  return { ...shared, now: now(), defaults: shared.defaultsOf(creditType), facts: NO_FACTS };
}

/** Reads decide nothing that would need stored rows. */
const NO_FACTS = {
  grant: () => undefined,
  reservation: () => undefined,
  reversals: () => undefined,
  row: () => undefined,
};
