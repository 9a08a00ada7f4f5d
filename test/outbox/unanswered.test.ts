/** The outbox on a database that does not answer. */
import { expect, test } from 'vitest';
import { bench } from '../backends/gated-db.js';
import { endOf } from '../support/codes.js';
import { QUIET } from '../support/quiet.js';
import { unhandledOf } from '../support/unhandled.js';

test('a list of sinks whose counts all fail rejects once, and leaves no rejection behind', async () => {
  const sinks = ['a', 'b'].map((name) => ({ name, publish: async () => {} }));
  const { db, manager } = bench({ sinks, logger: QUIET });
  await manager.init();
  // One count after another fails, each in a turn of its own.
  let turn = Promise.resolve();
  db.methods.count = () => {
    turn = turn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return turn.then(() => Promise.reject(new Error('connection terminated')));
  };
  const unhandled = await unhandledOf(async () => {
    expect(await endOf(manager.outbox.listSinks())).toBe('STORAGE_UNAVAILABLE not_applied');
    await turn;
  });
  expect(unhandled).toEqual([]);
});
