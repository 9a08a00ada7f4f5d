/** A database that loses commits which were acknowledged, under processes that remember them. */
import { expect, test } from 'vitest';
import type { Change, DbManager, Row } from '../../src/index.js';
import { describeBackends, type Session } from '../support/plan-world.js';

const MODELS = { account: 'id', grant: 'id', entry: 'id' } as const;
type Stored = Record<keyof typeof MODELS, readonly Row[]>;

/** The rows of one user, as a standby or a backup has them. */
async function rowsOf(db: DbManager<Session>, keys: Record<keyof typeof MODELS, readonly string[]>): Promise<Stored> {
  const read = async (model: keyof typeof MODELS) =>
    (await db.getMany(model, keys[model])).filter((row) => row !== null);
  return { account: await read('account'), grant: await read('grant'), entry: await read('entry') };
}

/** Puts earlier rows in the place of those that stand there. */
async function restore(db: DbManager<Session>, earlier: Stored, now: Stored): Promise<void> {
  const unit: Change[] = [];
  for (const model of ['account', 'grant', 'entry'] as const) {
    for (const row of now[model]) {
      const before = earlier[model].find(({ id }) => id === row.id);
      const expectedVersion = row.version;
      if (!before) unit.push({ op: 'delete', model, key: row.id as string, expectedVersion });
      else if (before.version !== row.version) unit.push({ op: 'replace', model, row: before, expectedVersion });
    }
  }
  expect(await db.commit([unit])).toEqual([{ status: 'committed' }]);
}

await describeBackends('a database that loses commits', (open) => {
  test.each([1, 2, 3])('nothing later is overwritten by a process that remembers %i lost commits', async (lost) => {
    const world = await open();
    const [one, other] = [world.open(), world.open()];
    await one.init();
    await one.credits.addCredits('u', 1000);
    const keys = async () => {
      const { items: entries } = await one.ledger.list({ userId: 'u', limit: 100 });
      const { items: grants } = await one.credits.getGrants('u', { includeClosed: true, fresh: true });
      return { account: ['credits/u'], grant: grants.map(({ id }) => id), entry: entries.map(({ id }) => id) };
    };
    const before = await rowsOf(one.db, await keys());
    for (let n = 0; n < lost; n++) await one.credits.deductCredits('u', 1);
    await restore(one.db, before, await rowsOf(one.db, await keys()));
    for (let n = 0; n < lost; n++) await other.credits.deductCredits('u', 100);
    await one.credits.deductCredits('u', 5);
    expect(await world.balance('u')).toBe(1000 - lost * 100 - 5);
    await world.expectSound();
  });
});
