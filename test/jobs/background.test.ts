/** `manager.start()`: jobs and deliveries on timers of the process, and none without it. */
import { expect, test } from 'vitest';
import { type CreditEvent, createCreditManagement, InMemoryNotificationQueue } from '../../src/index.js';
import { sleep } from '../backends/hosted.js';

function open() {
  const received: CreditEvent[] = [];
  const sink = { name: 'list', publish: async (event: CreditEvent) => void received.push(event) };
  const manager = createCreditManagement({ sinks: [sink], queue: new InMemoryNotificationQueue() });
  return { manager, received };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; !isTrue(); tries++) {
    if (tries > 500) throw new Error('It did not happen within 5 seconds.');
    await sleep(10);
  }
}

test('events are delivered once it is started, and no more once it is closed', async () => {
  const { manager, received } = open();
  await manager.credits.addCredits('u', 1);
  await sleep(50);
  expect(received).toEqual([]);
  manager.start({ outboxEverySeconds: 0.1 });
  manager.start({ outboxEverySeconds: 0.1 });
  await until(() => received.length === 3);
  await manager.credits.addCredits('u', 1);
  await until(() => received.length === 4);
  await manager.close();
  expect(() => manager.start()).not.toThrow();
});

test('jobs write what is due', async () => {
  const { manager } = open();
  await manager.credits.addCredits('u', 1, { expiresAt: new Date(Date.now() + 200) });
  manager.start({ jobsEverySeconds: 1 });
  const types = async () => (await manager.credits.getCreditHistory('u')).items.map(({ type }) => type);
  let found: string[] = [];
  for (let tries = 0; tries < 500 && !found.includes('expire'); tries++) {
    await sleep(10);
    found = await types();
  }
  expect(found).toEqual(['expire', 'add']);
  await manager.close();
});

test('options that are none are refused', () => {
  const { manager } = open();
  for (const bad of [{ jobsEverySeconds: 0 }, { outboxEverySeconds: 'soon' }, { every: 1 }, 5]) {
    expect(() => manager.start(bad as never)).toThrow(/is not valid/);
  }
});
