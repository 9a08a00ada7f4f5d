/** Metering on top of the verbs: reserve the estimate, record the cost, settle once. */
import { MeteredSum, parseAmount, roundUpCredits, toCredits } from '../../core/amounts.js';
import { creditError, isCreditError } from '../../errors.js';
import { meterSchema } from '../../models/inputs/credits.js';
import { metadataSchema } from '../../models/inputs/values.js';
import type { Applied } from '../../models/records/applied.js';
import type { Amount, JsonObject } from '../../models/values.js';
import { notValid, parse } from '../input/parse.js';
import { onAbort } from '../pipeline/abort-listeners.js';
import type { CreditMetering, CreditMutations, CreditReads } from './contract.js';
import { keepHold } from './kept-hold.js';
import type { Meter, MeterOptions } from './meter-contract.js';
import type { Reservation, Transaction } from './records.js';
import type { Verbs } from './verbs.js';

type Credits<S> = CreditMutations<S> & Pick<CreditReads<S>, 'getReservation'>;

export function creditMetering<S>(verbs: Verbs<S>, credits: Credits<S>): CreditMetering {
  const { scale, engine } = verbs;

  async function openMeter(given: MeterOptions): Promise<Meter> {
    const fields = parse(meterSchema, given);
    const { userId, estimate, overage = 'cap', chargeOnError: _, resume = false, ...call } = fields;
    const held = typeof estimate === 'number' ? roundUpCredits(estimate, scale) : estimate;
    const reservation = await credits.reserveCredits(userId, held as Amount, call);
    if (reservation.replayed) await checkRepeated(reservation, resume);
    const costs = new MeteredSum(scale);
    const records: JsonObject[] = [];
    // Made for whoever asks for it: most work does not.
    let controller: AbortController | null = null;
    // A signal of its own: what the work listens to goes with the meter, however long the caller's signal lives.
    const outer = call.signal;
    let stopKeeping = () => {};
    const forget = outer && onAbort(outer, abort);
    function abort() {
      stopKeeping();
      controller?.abort(outer?.reason);
    }
    let ending: Promise<Applied<Transaction> | null> | null = null;

    // Aborting the work must not abort the settlement. The same key is safe: commits and reserves have separate scopes.
    const { signal: _signal, ttlSeconds: _ttl, metadata = {}, ...settling } = call;
    const meter: Meter = {
      reservation,
      get signal() {
        controller ??= new AbortController();
        if (outer?.aborted) controller.abort(outer.reason);
        return controller.signal;
      },
      get total() {
        return costs.total;
      },
      add(cost, recorded) {
        if (ending !== null) throw notValid('meter', 'a meter that is not settled yet');
        costs.add(cost);
        if (recorded === undefined) return;
        // Metadata that is not valid is left out; the cost still counts.
        const note = metadataSchema.safeParse(recorded);
        if (note.success) records.push(note.data);
      },
      addUsage(usage) {
        if (typeof usage !== 'object' || usage === null)
          throw notValid('usage', 'an object with model, provider and cost');
        const { model, provider, cost, metadata: recorded } = usage;
        meter.add(cost, { ...recorded, model, provider, cost });
      },
      stream: (source, onChunk) => meteredStream(source, meter, onChunk),
      settle() {
        ending ??= end(meter.total);
        return ending;
      },
      async release() {
        ending ??= end(0);
        await ending;
      },
      async [Symbol.asyncDispose]() {
        await meter.release();
      },
    };
    const { ttlSeconds = engine.ttlSeconds } = call;
    if (!outer?.aborted) stopKeeping = keepHold({ credits, reservation, ttlSeconds, owner: new WeakRef(meter) });
    return meter;

    async function end(total: number): Promise<Applied<Transaction> | null> {
      stopKeeping();
      const details = withUsage(metadata, records);
      // A hold that expired during the work is charged all the same, because the work was done.
      const ifExpired = overage === 'reject' ? 'charge' : overage;
      const options = Object.assign({}, settling, { metadata: details, amount: total, overage, ifExpired });
      try {
        const entry = await credits.commitReservedCredits(reservation.id, options);
        forget?.();
        return total > 0 ? entry : null;
      } catch (error) {
        if (total === 0 && isCreditError(error, 'RESERVATION_NOT_ACTIVE')) {
          forget?.();
          return null;
        }
        ending = null;
        throw error;
      }
    }
  }

  /** Work that was done, or goes on, runs again only on an active hold, and where the caller says so. */
  async function checkRepeated({ id }: Reservation, resume: boolean): Promise<void> {
    const hold = (await credits.getReservation(id, { fresh: true })) as Reservation;
    if (hold.status === 'active' && resume) return;
    const row = await verbs.reads.get('reservation', id, { fresh: true });
    const transactionId = (row?.closing ?? row?.lateCharge)?.entryId ?? null;
    const advice =
      hold.status === 'active' ? 'Wait for that call, or go on in its place with resume: true' : 'Use a key of its own';
    const message = `This key began work before, and its reservation is ${hold.status}. Nothing was run. ${advice}.`;
    throw creditError('RESERVATION_NOT_ACTIVE', message, { id, status: hold.status, transactionId });
  }

  return {
    openMeter,
    async withCredits(options, run) {
      if (typeof run !== 'function') throw notValid('run', 'a function that does the work');
      const meter = await openMeter(options);
      let result: Awaited<ReturnType<typeof run>>;
      try {
        result = await run(meter);
      } catch (error) {
        // The caller gets the error of the work. If the charge fails as well, that goes to the log.
        await settleAfterError(meter, options.chargeOnError).catch((err) => {
          engine.logger.error(
            { err, reservation: meter.reservation.id },
            'The cost of a failed call could not be settled',
          );
        });
        throw error;
      }
      if (isStream(result)) {
        await meter.release();
        const problem = 'withCredits would settle before the stream has been read';
        throw creditError('CONFIGURATION', `${problem}. Use openMeter and meter.stream.`, { problems: [problem] });
      }
      await meter.settle();
      return result;
    },
  };

  async function settleAfterError(meter: Meter, how: MeterOptions['chargeOnError']): Promise<void> {
    if (how === 'none') return meter.release();
    if (how === 'estimate') {
      // Subtract in units: a difference of credits as floats (0.8 - 0.1) may lead to more than the estimate.
      const [held, metered] = [meter.reservation.amount, meter.total].map((n) => parseAmount(n, { scale, zero: true }));
      meter.add(toCredits(Math.max(0, (held as number) - (metered as number)), scale));
    }
    await meter.settle();
  }
}

/** Adds the usage records to the caller's metadata if they fit. A settlement must never fail for its metadata. */
function withUsage(metadata: JsonObject, records: readonly JsonObject[]): JsonObject {
  if (records.length === 0) return metadata;
  const both = metadataSchema.safeParse({ ...metadata, llm_usage: records });
  if (both.success) return both.data;
  const counted = metadataSchema.safeParse({ ...metadata, usageRecords: records.length });
  return counted.success ? counted.data : metadata;
}

function isStream(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return value instanceof ReadableStream || value instanceof Response || Symbol.asyncIterator in value;
}

function meteredStream<T>(
  source: ReadableStream<T> | AsyncIterable<T>,
  meter: Meter,
  onChunk?: (chunk: T, meter: Meter) => void,
): ReadableStream<T> {
  const start = (source as Partial<AsyncIterable<T>> | null | undefined)?.[Symbol.asyncIterator];
  if (typeof start !== 'function') throw notValid('source', 'a ReadableStream or an AsyncIterable');
  const iterator = start.call(source) as AsyncIterator<T>;
  return new ReadableStream<T>({
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        if (done) {
          await meter.settle();
          controller.close();
          return;
        }
        onChunk?.(value, meter);
        controller.enqueue(value);
      } catch (error) {
        await meter.settle();
        throw error;
      }
    },
    async cancel() {
      try {
        await iterator.return?.();
      } finally {
        await meter.settle();
      }
    },
  });
}
