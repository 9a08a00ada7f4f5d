/**
 * Deletes what nobody asks for: events a week after they were sent, notices a week after their lot expired, and what
 * waits for sinks that were taken off.
 */
import { sinkOf } from '../../models/system.js';
import type { DbManager, FindQuery, Unit } from '../../ports/db-manager.js';
import type { Store } from '../store/store.js';
import type { OutboxRun } from './run.js';

const KEPT_MS = 7 * 24 * 3600 * 1000;
const ROWS_PER_COMMIT = 500;
const TIMEOUT_MS = 30_000;

export async function deleteOld<S>(store: Store<S>, run: OutboxRun<S>): Promise<void> {
  const { db } = store;
  const lte = new Date(run.now() - KEPT_MS);
  await deleteAll(db, run, 'outbox', {
    index: 'sent',
    equals: { status: 'sent' },
    range: { field: 'sentAt', lte },
  });
  for (const row of await store.readSinks(true)) {
    for (const status of ['pending', 'failed']) {
      await deleteAll(db, run, 'outbox', { index: 'queue', equals: { sink: sinkOf(row).name, status } });
    }
  }
  await deleteAll(db, run, 'notice', { index: 'expires', range: { field: 'expiresAt', lte } });
}

/** Row by row in one commit: what another process deletes at the same time is no conflict of the others. */
async function deleteAll<S>(
  db: DbManager<S>,
  run: OutboxRun<S>,
  model: 'outbox' | 'notice',
  query: Omit<FindQuery, 'limit'>,
): Promise<void> {
  while (!run.isOver()) {
    const { rows, nextCursor } = await db.find(model, { ...query, limit: ROWS_PER_COMMIT }, { timeoutMs: TIMEOUT_MS });
    if (rows.length === 0) return;
    const units = rows.map(
      (row): Unit => [{ op: 'delete', model, key: row.id as string, expectedVersion: row.version }],
    );
    const outcomes = await db.commit(units, { timeoutMs: TIMEOUT_MS });
    const deleted = outcomes.filter(({ status }) => status === 'committed').length;
    if (model === 'outbox') run.counts.deleted += deleted;
    // Somebody else is at it, or the database does not let us: either way this run need not go on.
    if (deleted === 0 || nextCursor === null) return;
  }
}
