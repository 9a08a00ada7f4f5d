/** Every piece by itself, without the manager: a database, a credit service on it, and a second type of credits. */
import assert from 'node:assert/strict';
import { createCreditManagement, createCreditService, InMemoryDbManager } from 'credit-management';

// One service on one database: three lines.
const db = new InMemoryDbManager();
const credits = createCreditService({ db, defaults: { overdraftLimit: 0 } });
await credits.addCredits('user-1', 10);

// Another service on the same database, as another process would have it: nothing is shared but the rows.
const elsewhere = createCreditService({ db });
await elsewhere.deductCredits('user-1', 4);
assert.equal((await credits.getUserCreditsInfo('user-1')).balance, 6);

// Several types of credits: the same verbs over balances of their own.
const manager = createCreditManagement({ db, creditTypes: { image: { trialCredits: 3 } } });
const images = manager.creditType('image');
await images.deductCredits('user-1', 1);
assert.equal((await images.getUserCreditsInfo('user-1')).balance, 2);
assert.equal((await manager.credits.getUserCreditsInfo('user-1')).balance, 6);

// A host's transaction: both or neither.
await assert.rejects(
  db.transaction(async (session) => {
    await credits.deductCredits('user-1', 6, { session });
    throw new Error('the order failed');
  }),
);
assert.equal((await credits.getUserCreditsInfo('user-1')).balance, 6);
await manager.close();
console.log('services by hand: ok');
