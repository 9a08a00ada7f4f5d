/**
 * Writes rows that belong to no account (plans, promo codes), each in one commit with a ledger entry of the library's
 * own acts. The entry keeps the key of the call and the answer, so that a repeated call gets the same answer.
 */
import { type Act, DefinitionCall, type DefinitionWrite, type Recorded } from './definition-call.js';
import type { Engine } from './engine.js';

export type { Act, DefinitionWrite, Recorded };

/**
 * Decides an act and writes it.
 *
 * @throws the errors of `decide`; IDEMPOTENCY_CONFLICT, LIMIT_EXCEEDED, CONTENTION, OUTCOME_UNKNOWN,
 * STORAGE_UNAVAILABLE.
 */
export function writeDefinition<S>(engine: Engine<S>, write: DefinitionWrite<S>): Promise<Recorded> {
  const { operation, options } = write;
  return options.dryRun ? carryOut(engine, write) : engine.traced(operation, () => carryOut(engine, write));
}

async function carryOut<S>(engine: Engine<S>, write: DefinitionWrite<S>): Promise<Recorded> {
  const call = new DefinitionCall(engine, write);
  for (let attempt = 0; ; attempt++) {
    // 1. Wait for those who were first, or give up at the deadline.
    await call.pause(attempt);
    try {
      // 2. Answer with what this call, or an earlier one with its key, has written already.
      const earlier = await call.findEarlier();
      if (earlier) return earlier;
      // 3. Decide what to write. A refusal is no answer where an earlier call was applied in the meantime.
      const at = new Date(engine.now());
      const act = await call.decide(at);
      if ('replayed' in act) return act;
      // 4. Make the ledger entry that tells of it.
      const entry = call.entryOf(act, at);
      if (write.options.dryRun) return { details: act.details, replayed: false, isDryRun: true };
      // 5. Write the rows and the entry in one commit. If another writer was first, begin again.
      if (await call.commit(act, entry)) return { details: act.details, replayed: false };
    } catch (error) {
      call.failed(error);
    }
  }
}
