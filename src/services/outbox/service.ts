/** The service of the outbox, for operators: lists the sinks, sends failed rows again, takes a sink off. */
import { creditError } from '../../errors.js';
import { type DeliveryRow, undelivered } from '../../models/delivery.js';
import { replaySchema, sinkNameSchema } from '../../models/inputs/notifications.js';
import type { Rows } from '../../models/rows.js';
import { sinkOf } from '../../models/system.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { parse } from '../input/parse.js';
import type { Engine } from '../pipeline/engine.js';
import { replaceOf, type Tables } from '../store/tables.js';
import type { OutboxService, SinkInfo } from './contract.js';
import { NOTIFICATIONS, type Receiver, receiverOf } from './lanes.js';

const COMMIT_ROWS_MAX = 500;
const OLDEST_AMONG = 200;

export function outboxService<S>(engine: Engine<S>): OutboxService {
  const { store } = engine;
  return {
    async listSinks() {
      return engine.read({}, async (timeoutMs) => {
        const rows = await store.sinks.read();
        const infos = rows.map(async (row): Promise<SinkInfo> => {
          const { name, types = null } = sinkOf(row);
          const [pending, failed, oldestPendingAt] = await Promise.all([
            count(store, receiverOf(name), 'pending', timeoutMs),
            count(store, receiverOf(name), 'failed', timeoutMs),
            oldestPending(store, name, timeoutMs),
          ]);
          return { name, types, registeredAt: row.updatedAt, pending, oldestPendingAt, failed };
        });
        return (await Promise.all(infos)).sort((a, b) => (a.name < b.name ? -1 : 1));
      });
    },

    async retryFailed(sink) {
      const names = await namesWith(engine, sink);
      const receivers = sink === undefined ? [...names.map(receiverOf), NOTIFICATIONS] : [receiverOf(sink)];
      let retried = 0;
      for (const receiver of receivers) retried += await retry(engine, receiver);
      return { retried };
    },

    async replay(sink, given) {
      const options = parse(replaySchema, given);
      await namesWith(engine, parse(sinkNameSchema, sink, 'sink'));
      return { replayed: await replay(engine, sink, new Date(options.since)) };
    },

    async removeSink(given) {
      const name = parse(sinkNameSchema, given, 'name');
      return engine.read({}, () => store.sinks.remove(name));
    },
  };
}

function count<S>(
  tables: Tables<S>,
  { model, fixed }: Receiver,
  status: DeliveryRow['status'],
  timeoutMs: number,
): Promise<number> {
  return tables.count(model, { index: 'queue', equals: { ...fixed, status } }, { timeoutMs });
}

/**
 * When the oldest of the first pending rows was written. The rows of an account come in their order, and a receiver
 * that is away keeps all accounts waiting.
 */
async function oldestPending<S>(tables: Tables<S>, sink: string, timeoutMs: number): Promise<Date | null> {
  const query = { index: 'queue', equals: { sink, status: 'pending' }, limit: OLDEST_AMONG };
  const { rows } = await tables.find('outbox', query, { timeoutMs });
  return rows.reduce<Date | null>(
    (oldest, { createdAt }) => (oldest !== null && oldest <= createdAt ? oldest : createdAt),
    null,
  );
}

/** The names of the registered sinks. @throws NOT_FOUND where `sink` is given and none of them */
async function namesWith<S>(engine: Engine<S>, sink: string | undefined): Promise<string[]> {
  if (sink !== undefined) parse(sinkNameSchema, sink, 'sink');
  const rows = await engine.read({}, () => engine.store.sinks.read());
  const names = rows.map((row) => sinkOf(row).name);
  if (sink === undefined || names.includes(sink)) return names;
  throw creditError('NOT_FOUND', `No sink ${JSON.stringify(sink)} is registered.`, {});
}

/** Makes the rows of a sink that were sent since an instant, and before this call, pending again. */
async function replay<S>(engine: Engine<S>, sink: string, gte: Date): Promise<number> {
  const { store } = engine;
  const lte = await engine.read({}, () => new Date(engine.now()));
  const query = { index: 'sent', equals: { status: 'sent' }, range: { field: 'sentAt', gte, lte } };
  let replayed = 0;
  for (let after: string | null | undefined; after !== null; ) {
    const from: FindQuery = { ...query, limit: COMMIT_ROWS_MAX, ...(after && { after }) };
    const page = await engine.read({}, (timeoutMs) => store.find('outbox', from, { timeoutMs }));
    const rows = page.rows.filter((row) => row.sink === sink);
    replayed += await engine.read({}, (timeoutMs) => makePending(store, 'outbox', rows, timeoutMs));
    after = page.nextCursor;
  }
  return replayed;
}

/** Makes all failed rows of a receiver pending again. Rows that somebody else changes meanwhile are left to them. */
async function retry<S>(engine: Engine<S>, receiver: Receiver): Promise<number> {
  for (let retried = 0; ; ) {
    const done = await engine.read({}, (timeoutMs) => retrySome(engine.store, receiver, timeoutMs));
    if (done === 0) return retried;
    retried += done;
  }
}

async function retrySome<S>(tables: Tables<S>, { model, fixed }: Receiver, timeoutMs: number): Promise<number> {
  const query: FindQuery = { index: 'queue', equals: { ...fixed, status: 'failed' }, limit: COMMIT_ROWS_MAX };
  const { rows } = await tables.find(model, query, { timeoutMs });
  return makePending(tables, model, rows, timeoutMs);
}

/** Makes rows pending, each by itself; answers how many. Those that somebody else has changed are left to them. */
async function makePending<S>(
  tables: Tables<S>,
  model: Receiver['model'],
  rows: readonly DeliveryRow[],
  timeoutMs: number,
): Promise<number> {
  const units = rows.map((row) => [
    replaceOf(model, { ...row, ...undelivered(row.createdAt), version: row.version + 1 } as Rows[typeof model]),
  ]);
  const outcomes = units.length > 0 ? await tables.write(units, { timeoutMs }) : [];
  return outcomes.filter(({ status }) => status === 'committed').length;
}
