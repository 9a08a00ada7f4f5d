/** A process that publishes one event to its parent and waits to be killed before it can mark anything. */

import { SqlDbManager } from '../../src/entries/sql.js';
import { createCreditManagement } from '../../src/index.js';

const [url, now] = process.argv.slice(2) as [string, string];
process.on('disconnect', () => process.exit());

const manager = createCreditManagement({
  db: new SqlDbManager({ url, poolSize: 2 }),
  clock: { now: () => new Date(now) },
  sinks: [
    {
      name: 'sink',
      publish: (event) => {
        process.send?.({ id: event.id, userId: event.userId, bytes: JSON.stringify(event) });
        return new Promise(() => {});
      },
    },
  ],
});
void manager.jobs.runOutbox();
