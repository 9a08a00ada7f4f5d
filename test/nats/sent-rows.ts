/** The events that a sink was sent. */
import type { DbManager } from '../../src/index.js';
import type { OutboxRow } from '../../src/models/outbox.js';

/** All rows, by account in the order of its events. */
export async function sentRows(db: DbManager<unknown>): Promise<readonly OutboxRow[]> {
  const all: OutboxRow[] = [];
  const query = { index: 'queue', equals: { sink: 'nats', status: 'sent' }, limit: 1_000 };
  let after: string | null | undefined;
  do {
    const page = await db.find('outbox', { ...query, ...(after && { after }) });
    all.push(...(page.rows as unknown as OutboxRow[]));
    after = page.nextCursor;
  } while (after !== null);
  return all;
}
