/** One of the processes that share accounts: ready, then told to go, then its operations a second. */

import { createCreditManagement } from 'credit-management';
import { MongoDbManager } from 'credit-management/mongodb';
import { databaseOf } from '../backends/mongo-uri.js';
import { load, type Rival } from './closed-loop.js';
import { naive } from './mongodb-rivals.js';

const [url, design, inFlight, seconds] = process.argv.slice(2) as [string, string, string, string];

function library(): Rival {
  const db = MongoDbManager.fromClientUri(url, databaseOf(url));
  const { credits, close } = createCreditManagement({ db, timeoutMs: 60_000 });
  return { deduct: async (n) => void (await credits.deductCredits(`user-${n}`, 0.01)), close };
}

const rival = design === 'naive' ? naive(url) : library();
await load(rival, 'uniform', 20, 0.3);
process.once('message', () => {
  void load(rival, 'uniform', Number(inFlight), Number(seconds))
    .then(({ opsPerSecond }) => process.send?.(opsPerSecond))
    .finally(() => rival.close())
    .finally(() => process.disconnect());
});
process.send?.('ready');
