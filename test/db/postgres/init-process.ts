/** A process that initialises the library's models at the moment it is told, and says how that went. */

import { SqlDbManager } from '../../../src/entries/sql.js';
import { storedModels } from '../../../src/models/stored-models.js';

const db = new SqlDbManager({ url: process.argv[2], poolSize: 1 });
process.once('message', () => {
  db.init(storedModels)
    .then(() => db.count('entry', { index: 'history' }))
    .then(
      (count) => process.send?.({ count }),
      (error: unknown) => process.send?.({ error: `${String(error)} ${String((error as Error).cause)}` }),
    )
    .finally(() => db.close())
    .finally(() => process.disconnect());
});
process.send?.('ready');
