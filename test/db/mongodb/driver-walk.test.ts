/**
 * The walk of driver calls: the server fails each command of a batch on purpose, one after another, in every way that a
 * server or a network has. The batch must end as if nothing had happened, and once.
 */
import assert from 'node:assert/strict';
import { type CommandStartedEvent, MongoClient } from 'mongodb';
import { afterAll, test } from 'vitest';
import type { Row, Unit } from '../../../src/ports/db-manager.js';
import { insert, insertAll, remove, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, freshKey, item, keyOf } from '../../../src/testing/db-manager/models.js';
import { describeAbsent } from '../../backends/find.js';
import { startKillableMongo } from '../../backends/killable-mongo.js';
import { describeMongo } from '../../backends/mongo.js';
import { findMongod } from '../../backends/own-mongo.js';
import { sleep } from '../../support/wait.js';
import { haveFailPoint } from './fail-point.js';
import { type Bench, bumped, statuses, withBench } from './fixture.js';

/** Codes with their names, and whether the connection is closed instead of an answer. */
const FAULTS: Record<string, object> = {
  'the connection is closed': { closeConnection: true },
  'not primary': { errorCode: 10107 },
  'primary stepped down': { errorCode: 189 },
  'shutdown in progress': { errorCode: 91 },
  'interrupted by a change of state': { errorCode: 11602 },
  'write conflict': { errorCode: 112 },
  'no such transaction': { errorCode: 251 },
};
const APP = 'driver-walk';

await describeMongo('the walk of driver calls on MongoDB', (database) => {
  haveFailPoint(database);
  const points: Record<string, number> = {};
  afterAll(() => console.log(`one command fails on MongoDB: ${JSON.stringify(points)}`));

  test.each(Object.entries(FAULTS))('%s, at any command: every unit is committed, and once', (name, fault) =>
    withBench(
      database,
      async (bench) => {
        for (const size of [1, 3]) {
          const commands = await commandsOf(bench, size);
          assert.ok(commands.length >= 4, String(commands.length));
          for (const { command, namespace } of commands) {
            const data = { failCommands: [command], ...(namespace && { namespace }), ...fault };
            await written(bench, size, `${name} at ${command} ${namespace} of ${size}`, { times: 1 }, data);
            points[name] = (points[name] ?? 0) + 1;
          }
        }
      },
      // A fault that the server only feigns may have the driver wait for ten seconds for news of the server.
      { clientOptions: { appName: APP, monitorCommands: true }, timeoutMs: 40_000 },
    ),
  );

  test.each(['find', 'commitTransaction', 'update'])(
    '%s fails ten times with not primary: the batch waits, and is committed once',
    (command) =>
      withBench(
        database,
        (bench) => written(bench, 3, command, { times: 10 }, { failCommands: [command], errorCode: 10107 }),
        { clientOptions: { appName: APP }, timeoutMs: 40_000 },
      ),
  );
});

const mongod = findMongod();
if ('missing' in mongod) describeAbsent('mongo', 'a primary that steps down', mongod.missing);
else {
  test('a primary that steps down under load: every call ends well, and once', async () => {
    const server = await startKillableMongo();
    const client = new MongoClient(server.url);
    try {
      await withBench({ url: server.url }, async ({ db, models }) => {
        const row = item();
        await insertAll(db, models.item, [row]);
        let version = 1;
        let isOver = false;
        const load = (async () => {
          while (!isOver) {
            const next: Row = { ...row, version: version + 1 };
            const [outcome] = await db.commit([[replace(models.item, next, version), insert(models.entry, entry())]]);
            if (outcome?.status === 'committed') version++;
            else assert.fail(outcome?.status);
          }
        })();
        for (let i = 0; i < 2; i++) {
          await sleep(200);
          await client
            .db('admin')
            .command({ replSetStepDown: 1, force: true })
            .catch(() => {});
          await sleep(2_500);
        }
        isOver = true;
        await load;
        assert.ok(version > 20);
        assert.equal(await db.count(models.entry.name, { index: 'by_time' }), version - 1);
      });
    } finally {
      await client.close();
      await server.remove();
    }
  });
}

/**
 * Writes a batch that replaces, deletes and inserts, with a unique value, while the server fails what `data` says, and
 * expects each unit's effects once.
 */
async function written(
  { db, models, client }: Bench,
  size: number,
  what: string,
  mode: { times: number } | 'off',
  data: object,
  sent: () => void = () => {},
): Promise<void> {
  const rows = Array.from({ length: size }, () => item());
  const gone = rows.map(() => item());
  await insertAll(db, models.item, [...rows, ...gone]);
  const account = freshKey();
  const units = rows.map(
    (row, i): Unit => [
      replace(models.item, bumped(row), 1),
      remove(models.item, keyOf(gone[i]), 1),
      insert(models.entry, entry({ account, ref: freshKey() })),
    ],
  );
  const admin = client.db('admin');
  await admin.command({ configureFailPoint: 'failCommand', mode, data: { appName: APP, ...data } });
  sent();
  const outcomes = await db.commit(units);
  sent();
  const { count } = await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
  assert.ok(mode === 'off' || count > 0, `${what}: it never failed`);
  assert.deepEqual(
    statuses(outcomes),
    rows.map(() => 'committed'),
    what,
  );
  const now = rows.map((row) => bumped(row));
  assert.deepEqual(await db.getMany(models.item.name, rows.map(keyOf)), now, what);
  assert.ok(
    (await db.getMany(models.item.name, gone.map(keyOf))).every((row) => row === null),
    what,
  );
  assert.equal(await db.count(models.entry.name, { index: 'by_time', equals: { account } }), size, what);
}

interface Sent {
  readonly command: string;
  readonly namespace: string | null;
}

/** The commands of a batch where nothing fails. */
async function commandsOf(bench: Bench, size: number): Promise<Sent[]> {
  const commands: Sent[] = [];
  let isOn = false;
  const note = ({ commandName: command, command: body, databaseName }: CommandStartedEvent) => {
    if (!isOn || command === 'configureFailPoint') return;
    commands.push({ command, namespace: databaseName === 'admin' ? null : `${databaseName}.${body[command]}` });
  };
  bench.client.on('commandStarted', note);
  const toggle = () => {
    isOn = !isOn;
  };
  await written(bench, size, 'nothing fails', 'off', {}, toggle);
  bench.client.off('commandStarted', note);
  return commands;
}
