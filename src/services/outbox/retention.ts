/**
 * Deletes rows that nobody needs any more: events a week after they were sent, notices a week after their grant
 * expired, and rows that wait for sinks that were taken off.
 */
import { sinkOf } from '../../models/system.js';
import type { FindQuery, Unit } from '../../ports/db-manager.js';
import type { Store } from '../store/store.js';
import type { Tables } from '../store/tables.js';
import type { OutboxRun } from './run.js';

const KEPT_MAX_MS = 7 * 24 * 3600 * 1000;
const COMMIT_ROWS_MAX = 500;
const TIMEOUT_MS = 30_000;

export async function deleteOld<S>(store: Store<S>, run: OutboxRun<S>): Promise<void> {
  const lte = new Date(run.now() - KEPT_MAX_MS);
  await deleteAll(store, run, 'outbox', {
    index: 'sent',
    equals: { status: 'sent' },
    range: { field: 'sentAt', lte },
  });
  for (const row of await store.sinks.read(true)) {
    for (const status of ['pending', 'failed']) {
      await deleteAll(store, run, 'outbox', { index: 'queue', equals: { sink: sinkOf(row).name, status } });
    }
  }
  await deleteAll(store, run, 'notice', { index: 'expires', range: { field: 'expiresAt', lte } });
}

/** Each row is a unit of its own: what another process deletes at the same time is no conflict of the others. */
async function deleteAll<S>(
  tables: Tables<S>,
  run: OutboxRun<S>,
  model: 'outbox' | 'notice',
  query: Omit<FindQuery, 'limit'>,
): Promise<void> {
  while (!run.isOver()) {
    const { rows, nextCursor } = await tables.find(
      model,
      { ...query, limit: COMMIT_ROWS_MAX },
      { timeoutMs: TIMEOUT_MS },
    );
    if (rows.length === 0) return;
    const units = rows.map(({ id, version }): Unit => [{ op: 'delete', model, key: id, expectedVersion: version }]);
    const outcomes = await tables.write(units, { timeoutMs: TIMEOUT_MS });
    const deleted = outcomes.filter(({ status }) => status === 'committed').length;
    if (model === 'outbox') run.counts.deleted += deleted;
    // Somebody else is at it, or the database does not let us: either way this run need not go on.
    if (deleted === 0 || nextCursor === null) return;
  }
}
