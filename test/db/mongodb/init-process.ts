/** A process that initialises the library's models at the moment it is told, and says how that went. */

import { MongoDbManager } from '../../../src/entries/mongodb.js';
import { storedModels } from '../../../src/models/stored-models.js';
import { databaseOf } from '../../backends/mongo-uri.js';

const [url] = process.argv.slice(2) as [string];
const db = MongoDbManager.fromClientUri(url, { dbName: databaseOf(url), poolSize: 2 });
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
