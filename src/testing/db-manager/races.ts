/** Conformance: many callers at once. */

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import type { Row, UnitOutcome } from '../../ports/db-manager.js';
import { commit, findKeys, insert, insertAll, readOne, remove, replace, type Tests } from './fixture.js';
import { entry, freshKey, item, keyOf } from './models.js';

const FIFTY = Array.from({ length: 50 }, (_, i) => i);

export function raceTests<S>(): Tests<S> {
  return {
    'of 50 replaces at one version exactly one commits': async ({ db, models }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const outcomes = await Promise.all(
        FIFTY.map((i) => commit(db, replace(models.item, { ...row, amount: i, version: 2 }, 1))),
      );
      const winner = onlyWinner(outcomes, ['conflict', 'locked']);
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), { ...row, amount: winner, version: 2 });
    },

    'of 25 replaces and 25 deletes at one version exactly one commits': async ({ db, models }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const next = { ...row, version: 2 };
      const outcomes = await Promise.all(
        FIFTY.map((i) => commit(db, i % 2 ? replace(models.item, next, 1) : remove(models.item, keyOf(row), 1))),
      );
      const winner = onlyWinner(outcomes, ['conflict', 'locked']);
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), winner % 2 ? next : null);
    },

    'of 50 inserts of one key exactly one commits': async ({ db, models }) => {
      const id = freshKey();
      const rows = FIFTY.map((i) => item({ id, amount: i }));
      const outcomes = await Promise.all(rows.map((row) => commit(db, insert(models.item, row))));
      const winner = onlyWinner(outcomes, ['conflict', 'locked']);
      assert.deepEqual(await readOne(db, models.item, id), rows[winner]);
    },

    'of 50 inserts of one unique value exactly one commits': async ({ db, models }) => {
      const code = freshKey();
      const rows = FIFTY.map(() => item({ code }));
      const outcomes = await Promise.all(rows.map((row) => commit(db, insert(models.item, row))));
      const winner = onlyWinner(outcomes, ['duplicate', 'conflict', 'locked']);
      const expected = [keyOf(rows[winner])];
      assert.deepEqual(await findKeys(db, models.item, { index: 'by_code', equals: { code } }), expected);
      const stored = (await db.getMany(models.item.name, rows.map(keyOf))).filter((row) => row !== null);
      assert.deepEqual(stored.map(keyOf), expected);
    },

    'of 50 units that share one document each writes all or nothing': async ({ db, models }) => {
      const shared = item();
      const others = FIFTY.map(() => item());
      await insertAll(db, models.item, [shared, ...others]);
      const lines = FIFTY.map((i) => entry({ seq: i }));
      const outcomes = await Promise.all(
        others.map((other, i) =>
          commit(
            db,
            replace(models.item, { ...other, version: 2 }, 1),
            insert(models.entry, lines[i] as Row),
            replace(models.item, { ...shared, amount: i, version: 2 }, 1),
          ),
        ),
      );
      const winner = onlyWinner(outcomes, ['conflict', 'locked']);
      const versions = (await db.getMany(models.item.name, others.map(keyOf))).map((row) => row?.version);
      assert.deepEqual(
        versions,
        FIFTY.map((i) => (i === winner ? 2 : 1)),
      );
      const written = (await db.getMany(models.entry.name, lines.map(keyOf))).filter((row) => row !== null);
      assert.deepEqual(written, [lines[winner]]);
    },

    'increments that read, replace and try again lose nothing': async ({ db, models }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const loop = async () => {
        for (let done = 0; done < 5; done++) await retried(() => add(1));
      };
      const add = async (amount: number) => {
        const now = (await readOne(db, models.item, keyOf(row))) as Row;
        const next = { ...now, amount: (now.amount as number) + amount, version: now.version + 1 };
        return commit(db, replace(models.item, next, now.version));
      };
      await Promise.all(Array.from({ length: 20 }, loop));
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), { ...row, amount: 100, version: 101 });
    },

    'transfers between two documents keep their sum': async ({ db, models }) => {
      const rows = [item({ amount: 500 }), item({ amount: 500 })];
      await insertAll(db, models.item, rows);
      const keys = rows.map(keyOf);
      const move = async (amount: number) => {
        const [from, to] = (await db.getMany(models.item.name, keys)) as [Row, Row];
        return commit(
          db,
          replace(models.item, moved(from, -amount), from.version),
          replace(models.item, moved(to, amount), to.version),
        );
      };
      const mover = async (amount: number) => {
        for (let done = 0; done < 5; done++) await retried(() => move(amount));
      };
      await Promise.all([3, -3, 7, -5, 1].map(mover));
      const after = (await db.getMany(models.item.name, keys)) as [Row, Row];
      assert.deepEqual(
        after.map((row) => [row.amount, row.version]),
        [
          [485, 26],
          [515, 26],
        ],
      );
    },
  };
}

/** The index of the one unit that committed. It checks that the others have one of the `losers` outcomes. */
function onlyWinner(outcomes: readonly UnitOutcome[], losers: readonly UnitOutcome['status'][]): number {
  const winners = outcomes.flatMap(({ status }, i) => (status === 'committed' ? [i] : []));
  assert.equal(winners.length, 1, 'one winner');
  for (const { status } of outcomes) assert.ok(status === 'committed' || losers.includes(status), status);
  return winners[0] as number;
}

async function retried(attempt: () => Promise<UnitOutcome>): Promise<void> {
  for (let tries = 0; tries < 5000; tries++) {
    const { status } = await attempt();
    if (status === 'committed') return;
    assert.ok(status === 'conflict' || status === 'locked', status);
    await new Promise((resolve) => setTimeout(resolve, randomInt(Math.min(tries, 20) + 1)));
  }
  assert.fail('5,000 attempts and no end');
}

function moved(row: Row, amount: number): Row {
  return { ...row, amount: (row.amount as number) + amount, version: row.version + 1 };
}
