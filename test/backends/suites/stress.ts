/** Many writers on few rows: no half unit, no lost update, no false answer. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'vitest';
import type { DbManager } from '../../../src/index.js';
import type { Row, Unit, UnitOutcome } from '../../../src/ports/db-manager.js';
import { insert, insertAll, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, freshKey, item, keyOf, type TestModels, testModels } from '../../../src/testing/db-manager/models.js';
import { amount } from '../../support/amounts.js';
import type { StoreAdapter } from '../adapters.js';
import type { Database } from '../find.js';

const ROUNDS = amount('CREDIT_STRESS_ROUNDS');
const ROWS = 24;
const WRITERS = 8;
const ANSWERS = ['committed', 'conflict', 'duplicate', 'locked'];

/** Somebody who holds a row in a transaction and rolls it back, again and again. */
export type Holder = (
  database: Database,
  models: TestModels,
  goesOn: () => boolean,
) => (keys: readonly string[]) => Promise<void>;

export async function testStress({ title, describeDatabase, open }: StoreAdapter, holder: Holder): Promise<void> {
  await describeDatabase(`many writers on ${title}`, (database) => {
    test(`${WRITERS} writers and two hosts on ${ROWS} rows leave every unit whole and every answer true`, async () => {
      const models = testModels();
      const places = [open(database.url), open(database.url)];
      const managers = places.map(({ db }) => db);
      try {
        for (const manager of managers) await manager.init(Object.values(models));
        await stress(managers, models, (goesOn) => holder(database, models, goesOn));
      } finally {
        for (const place of places) await place.close();
      }
    });
  });
}

async function stress(
  managers: readonly DbManager<unknown>[],
  models: TestModels,
  hold: (goesOn: () => boolean) => ReturnType<Holder>,
): Promise<void> {
  const [db] = managers as [DbManager<unknown>];
  const rows = Array.from({ length: ROWS }, () => item());
  await insertAll(db, models.item, rows);
  await insertAll(db, models.entry, [entry({ ref: 'taken' })]);
  const keys = rows.map(keyOf);
  const tally = new Map<string, number>();
  const applied = new Map<string, number>(keys.map((key) => [key, 0]));
  let writing = WRITERS;
  const goesOn = () => writing > 0;

  /** Two rows of a unit move on together, each with an entry; sometimes with a value that is taken. */
  const writer = async (manager: DbManager<unknown>) => {
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const picked = [...keys].sort(() => randomInt(3) - 1).slice(0, 12);
        const now = (await manager.getMany(models.item.name, picked)) as Row[];
        const units: Unit[] = [];
        for (let i = 0; i < 12; i += 2) {
          const isTaken = randomInt(10) === 0;
          units.push(
            now.slice(i, i + 2).flatMap((row) => {
              const line = entry({ account: keyOf(row), seq: row.version, ref: isTaken ? 'taken' : freshKey() });
              return [
                replace(models.item, { ...row, version: row.version + 1 }, row.version),
                insert(models.entry, line),
              ];
            }),
          );
        }
        const outcomes = await manager.commit(units);
        for (const [i, outcome] of outcomes.entries()) note(outcome, picked.slice(2 * i, 2 * i + 2));
      }
    } finally {
      writing--;
    }
  };
  const note = ({ status }: UnitOutcome, pair: readonly string[]) => {
    tally.set(status, (tally.get(status) ?? 0) + 1);
    if (status === 'committed') for (const key of pair) applied.set(key, (applied.get(key) as number) + 1);
  };
  await Promise.all([
    ...Array.from({ length: WRITERS }, (_, i) => writer(managers[i % managers.length] as DbManager<unknown>)),
    hold(goesOn)(keys),
    hold(goesOn)(keys),
  ]);
  assert.deepEqual(
    [...tally.keys()].filter((status) => !ANSWERS.includes(status)),
    [],
  );
  assert.ok((tally.get('committed') ?? 0) > 0);
  console.log(JSON.stringify(Object.fromEntries(tally)));
  for (const key of keys) {
    const [row] = await db.getMany(models.item.name, [key]);
    const query = { index: 'by_time', equals: { account: key }, limit: 100_000 };
    const { rows: entries } = await db.find(models.entry.name, query);
    const places = new Set(entries.map(({ seq }) => seq)).size;
    assert.deepEqual([(row?.version ?? 0) - 1, entries.length, places], Array(3).fill(applied.get(key)));
  }
}
