/** Handlers are looked for after the commit, so one that comes during it hears of it too. */
import { expect, test } from 'vitest';
import { createCreditManagement, InMemoryDbManager } from '../../src/index.js';

test('a handler hears of a commit that was decided before it was there', async () => {
  const db = new InMemoryDbManager();
  const { credits, on } = createCreditManagement({ db });
  await credits.addCredits('u', 5);
  const heard: string[] = [];
  const commit = db.commit.bind(db);
  db.commit = async (units, options) => {
    on('*', ({ type }) => void heard.push(type));
    return commit(units, options);
  };
  await credits.addCredits('u', 5, { source: 'purchase' });
  expect(heard).toEqual(['credits.recharged']);
});
