/** kill -9 between publishing and marking, for real: nothing is lost, and what comes again is the same. */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { SqlDbManager } from '../../src/entries/sql.js';
import { createCreditManagement } from '../../src/index.js';
import { testClock } from '../../src/testing/clock.js';
import { describePostgres } from '../backends/postgres.js';
import { Recorder } from '../support/outbox-world.js';
import { QUIET } from '../support/quiet.js';
import { forkScript } from '../support/script.js';

const SCRIPT = new URL('./doomed-relay.ts', import.meta.url);
const KILLS = 4;

await describePostgres('a relay that is killed, on PostgreSQL', (database) => {
  test('its claim ends, and the next one delivers the same event first', async () => {
    const clock = testClock();
    const sink = new Recorder();
    const db = new SqlDbManager({ url: database.url, poolSize: 3 });
    const manager = createCreditManagement({ db, clock, sinks: [sink], logger: QUIET });
    await manager.credits.addCredits('u', 1);
    await manager.credits.addCredits('u', 1);
    const published: Recorder['received'] = [];
    for (let i = 0; i < KILLS; i++) {
      const child = forkScript(SCRIPT, [database.url, clock.now().toISOString()]);
      const [message] = await once(child, 'message');
      published.push(message as Recorder['received'][number]);
      child.kill('SIGKILL');
      await once(child, 'close');
      expect(await manager.jobs.runOutbox()).toMatchObject({ processed: 0, waiting: 1 });
      clock.advance({ minutes: 2 });
      const stop = new AbortController();
      sink.answer = async () => stop.abort();
      expect(await manager.jobs.runOutbox({ signal: stop.signal })).toMatchObject({ delivered: 1 });
      expect(sink.received[i]).toMatchObject(published[i] as object);
    }
    expect(await manager.jobs.runOutbox()).toMatchObject({ status: 'completed', waiting: 0 });
    expect(new Set(sink.ids()).size).toBe(4);
    expect(sink.ids().length).toBe(4);
    await manager.close();
  });
});
