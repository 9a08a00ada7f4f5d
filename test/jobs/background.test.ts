/** `manager.start()`: jobs and deliveries on timers of the process, and none without it. */
import { expect, test } from 'vitest';
import { type CreditEvent, createCreditManagement, creditError, InMemoryNotificationQueue } from '../../src/index.js';
import { GatedDb } from '../backends/gated-db.js';
import { paced } from '../support/pace.js';
import { QUIET } from '../support/quiet.js';
import { sleep, until } from '../support/wait.js';

function open() {
  const received: CreditEvent[] = [];
  const sink = { name: 'list', publish: async (event: CreditEvent) => void received.push(event) };
  const manager = createCreditManagement({ sinks: [sink], queue: new InMemoryNotificationQueue() });
  return { manager, received };
}

test('events are delivered once it is started, and no more once it is closed', async () => {
  const { manager, received } = open();
  await manager.credits.addCredits('u', 1);
  await sleep(50);
  expect(received).toEqual([]);
  manager.start({ outboxEverySeconds: 0.1 });
  manager.start({ outboxEverySeconds: 0.1 });
  await until(() => received.length === 3, 'what was written before is delivered');
  await manager.credits.addCredits('u', 1);
  await until(() => received.length === 4, 'what came later is delivered');
  await manager.close();
  expect(() => manager.start()).not.toThrow();
});

test('jobs write what is due', async () => {
  const { manager } = open();
  await manager.credits.addCredits('u', 1, { expiresAt: new Date(Date.now() + paced(500)) });
  manager.start({ jobsEverySeconds: 1 });
  const types = async () => (await manager.credits.getCreditHistory('u')).items.map(({ type }) => type);
  await until(async () => (await types()).includes('expire'), 'the expiry is written');
  expect(await types()).toEqual(['expire', 'add']);
  await manager.close();
});

test('a run that skips or stops is told to the log, because nobody else sees its report', async () => {
  const told: { job?: string; status?: string; skipped?: { code: string }[] }[] = [];
  const note = (entry: object) => void told.push(entry);
  const db = new GatedDb();
  const sink = { name: 'away', publish: () => Promise.reject(new Error('connect ECONNREFUSED')) };
  const manager = createCreditManagement({ db, sinks: [sink], logger: { ...QUIET, warn: note, error: note } });
  await manager.credits.addCredits('u', 1);
  db.methods.find = (model, ...rest) =>
    model === 'account'
      ? Promise.reject(creditError('STORAGE_UNAVAILABLE', 'The test made this fail.', {}))
      : db.inner.find(model, ...rest);
  manager.start({ jobsEverySeconds: 1, outboxEverySeconds: 0.1 });
  const of = (job: string) => told.find((entry) => entry.job === job);
  await until(() => of('outbox') !== undefined && of('expiration') !== undefined, 'both reports are logged');
  expect(of('outbox')).toMatchObject({ status: 'completed', skipped: [{ code: 'PROVIDER_ERROR' }] });
  expect(of('expiration')).toMatchObject({ status: 'stopped', skipped: [{ code: 'STORAGE_UNAVAILABLE' }] });
  await manager.close();
});

test('options that are none are refused', () => {
  const { manager } = open();
  for (const bad of [{ jobsEverySeconds: 0 }, { outboxEverySeconds: 'soon' }, { every: 1 }, 5]) {
    expect(() => manager.start(bad as never)).toThrow(/is not valid/);
  }
});
