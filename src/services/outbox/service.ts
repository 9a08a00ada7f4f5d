/** What an operator does with the outbox: sees who is delivered to, sends again, takes a sink off. */
import { creditError } from '../../errors.js';
import { type DeliveryRow, undelivered } from '../../models/delivery.js';
import { sinkNameSchema } from '../../models/inputs/notifications.js';
import type { SinkInfo } from '../../models/records/outbox.js';
import { sinkOf } from '../../models/system.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { parse } from '../input/parse.js';
import type { Engine } from '../pipeline/engine.js';
import { replaceOf } from '../store/tables.js';

export type { SinkInfo };

export interface OutboxService {
  /**
   * The sinks that every event gets a row for, by name. A sink is registered by the first process that brings it.
   *
   * @throws STORAGE_UNAVAILABLE, TIMEOUT: try again.
   * @example for (const { name, failed } of await manager.outbox.listSinks()) console.log(name, failed);
   */
  listSinks(): Promise<readonly SinkInfo[]>;
  /**
   * Makes what was given up pending again, for the next run of the outbox job: events of one sink, or of all sinks and
   * the notifications. They come after events that went on meanwhile; the sequence of the account tells.
   *
   * @returns how many rows. Repeating the call is safe.
   * @throws NOT_FOUND when no sink of this name is registered, INVALID_ARGUMENT; STORAGE_UNAVAILABLE, TIMEOUT: try
   * again.
   * @example await manager.outbox.retryFailed('webhook');
   */
  retryFailed(sink?: string): Promise<{ readonly retried: number }>;
  /**
   * Takes a sink off: within a minute no process writes rows for it any more, and the outbox job deletes those there
   * are. Take it out of every process first: one that starts with it registers it again.
   *
   * @returns false when there was none of this name. Repeating the call is safe.
   * @throws STORAGE_UNAVAILABLE, TIMEOUT: try again.
   * @example await manager.outbox.removeSink('the one before');
   */
  removeSink(name: string): Promise<boolean>;
}

const ROWS_PER_COMMIT = 500;

/** Rows of one receiver: of a sink, or all notifications. */
type Lane = { readonly model: 'outbox' | 'notification'; readonly fixed: Readonly<Record<string, string>> };

export function outboxService<S>(engine: Engine<S>): OutboxService {
  const { store } = engine;

  const count = ({ model, fixed }: Lane, status: DeliveryRow['status'], timeoutMs: number) =>
    store.count(model, { index: 'queue', equals: { ...fixed, status } }, { timeoutMs });

  /** Rows that were given up, pending again; what somebody else changes at the same time is left to them. */
  async function retry({ model, fixed }: Lane): Promise<number> {
    const query: FindQuery = { index: 'queue', equals: { ...fixed, status: 'failed' }, limit: ROWS_PER_COMMIT };
    for (let retried = 0; ; ) {
      const done = await engine.read({}, async (timeoutMs) => {
        const { rows } = await store.find(model, query, { timeoutMs });
        const units = rows.map((row) => [
          replaceOf(model, { ...row, ...undelivered(row.createdAt), version: row.version + 1 }),
        ]);
        const outcomes = units.length > 0 ? await store.write(units, { timeoutMs }) : [];
        return outcomes.filter(({ status }) => status === 'committed').length;
      });
      if (done === 0) return retried;
      retried += done;
    }
  }

  return {
    async listSinks() {
      return engine.read({}, async (timeoutMs) => {
        const rows = await store.sinks.read();
        const infos = rows.map(async (row) => {
          const { name } = sinkOf(row);
          const lane: Lane = { model: 'outbox', fixed: { sink: name } };
          const [pending, failed] = [count(lane, 'pending', timeoutMs), count(lane, 'failed', timeoutMs)];
          return { name, registeredAt: row.updatedAt, pending: await pending, failed: await failed };
        });
        return (await Promise.all(infos)).sort((a, b) => (a.name < b.name ? -1 : 1));
      });
    },

    async retryFailed(sink) {
      if (sink !== undefined) parse(sinkNameSchema, sink, 'sink');
      const rows = await engine.read({}, () => store.sinks.read());
      const names = rows.map((row) => sinkOf(row).name);
      if (sink !== undefined && !names.includes(sink)) {
        throw creditError('NOT_FOUND', `No sink ${JSON.stringify(sink)} is registered.`, {});
      }
      let retried = 0;
      for (const name of sink === undefined ? names : [sink]) {
        retried += await retry({ model: 'outbox', fixed: { sink: name } });
      }
      if (sink === undefined) retried += await retry({ model: 'notification', fixed: {} });
      return { retried };
    },

    async removeSink(given) {
      const name = parse(sinkNameSchema, given, 'name');
      return engine.read({}, () => store.sinks.remove(name));
    },
  };
}
