/**
 * Deletes rows that nobody needs any more: events a week after they were sent, notices a week after their grant
 * expired, and rows that wait for sinks that were taken off.
 */
import { type SystemRow, sinkOf } from '../../models/system.js';
import type { Change, FindQuery } from '../../ports/db-manager.js';
import { unchangedSink } from '../store/sink-registry.js';
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
  for (const row of await store.sinks.read(true)) await deleteOfSink(store, run, row);
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
    const { changes, isLast } = await pageOf(tables, model, query);
    if (changes.length === 0) return;
    const units = changes.map((change) => [change]);
    const outcomes = await tables.write(units, { timeoutMs: TIMEOUT_MS });
    const deleted = outcomes.filter(({ status }) => status === 'committed').length;
    if (model === 'outbox') run.counts.deleted += deleted;
    // Somebody else is at it, or the database does not let us: either way this run need not go on.
    if (deleted === 0 || isLast) return;
  }
}

/**
 * Deletes what waits for a sink that was taken off. A page is one unit with the sink's own row: where that has changed,
 * because a process has registered the sink again, its new events are among those that wait, and nothing is deleted.
 */
async function deleteOfSink<S>(tables: Tables<S>, run: OutboxRun<S>, removed: SystemRow): Promise<void> {
  let sink = removed;
  for (const status of ['pending', 'failed']) {
    for (let isLast = false; !isLast && !run.isOver(); ) {
      const query = { index: 'queue', equals: { sink: sinkOf(sink).name, status } };
      const page = await pageOf(tables, 'outbox', query);
      if (page.changes.length === 0) break;
      const guard = unchangedSink(sink);
      const outcome = await tables.writeOne([guard.change, ...page.changes], { timeoutMs: TIMEOUT_MS });
      if (outcome.status !== 'committed') return;
      run.counts.deleted += page.changes.length;
      sink = guard.row;
      isLast = page.isLast;
    }
  }
}

/** Changes that delete the next rows of a query. */
async function pageOf<S>(
  tables: Tables<S>,
  model: 'outbox' | 'notice',
  query: Omit<FindQuery, 'limit'>,
): Promise<{ changes: readonly Change[]; isLast: boolean }> {
  const page = await tables.find(model, { ...query, limit: COMMIT_ROWS_MAX }, { timeoutMs: TIMEOUT_MS });
  const changes = page.rows.map(
    ({ id, version }): Change => ({ op: 'delete', model, key: id, expectedVersion: version }),
  );
  return { changes, isLast: page.nextCursor === null };
}
