/** Signals of callers that live as long as their process: nothing of a call stays with them. */
import { expect, test } from 'vitest';
import { createCreditManagement, InMemoryDbManager } from '../../src/index.js';
import { codeOf, endOf } from '../support/codes.js';
import { Recorder } from '../support/outbox-world.js';
import { QUIET } from '../support/quiet.js';
import { sleep } from '../support/wait.js';

/** A manager whose database needs some turns, and a signal that counts who listens to it. */
function world() {
  const db = new InMemoryDbManager({ suspend: () => sleep(1) });
  const manager = createCreditManagement({ db, sinks: [new Recorder()], logger: QUIET });
  const controller = new AbortController();
  const { signal } = controller;
  const heard = { now: 0, most: 0 };
  const count = (by: number) => {
    heard.now += by;
    heard.most = Math.max(heard.most, heard.now);
  };
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    count(1);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    count(-1);
    remove(...args);
  };
  return { db, manager, controller, signal, heard };
}

type World = ReturnType<typeof world>;

const CALLS: Readonly<Record<string, (w: World, n: number) => Promise<unknown>>> = {
  mutations: ({ manager, signal }, n) => manager.credits.addCredits(`u${n}`, 1, { signal }),
  reads: ({ manager, signal }, n) => manager.credits.getUserCreditsInfo(`u${n}`, { signal }),
  meters: ({ manager, signal }, n) =>
    manager.credits.withCredits({ userId: `u${n}`, estimate: 1, signal }, async (meter) => meter.add(0.5)),
  jobs: ({ manager, signal }) => manager.jobs.runOutbox({ signal }),
  'calls in transactions of the host': ({ db, manager, signal }, n) =>
    db.transaction((session) => manager.credits.addCredits(`u${n}`, 1, { session, signal })),
};

test.each(Object.keys(CALLS))('%s, 40 at once on one signal, share a listener and leave none', async (name) => {
  const w = world();
  await Promise.all(Array.from({ length: 40 }, (_, n) => w.manager.credits.addCredits(`u${n}`, 5)));
  const warnings: Error[] = [];
  const note = (warning: Error) => void warnings.push(warning);
  process.on('warning', note);
  for (let round = 0; round < 2; round++) {
    await Promise.all(Array.from({ length: 40 }, (_, n) => CALLS[name]?.(w, n)));
    expect(w.heard).toEqual({ now: 0, most: 1 });
  }
  await sleep(0);
  process.off('warning', note);
  expect(warnings).toEqual([]);
  // What Node keeps of signals that were made to follow this one.
  const kept = Object.getOwnPropertySymbols(w.signal).filter(({ description }) => description === 'kDependantSignals');
  const sizes = kept.map((symbol) => (Reflect.get(w.signal, symbol) as { size?: number } | null)?.size ?? 0);
  expect(sizes.filter((size) => size > 0)).toEqual([]);
  await w.manager.close();
});

test('all calls on a signal hear that it aborts, and so does the work of a meter', async () => {
  const { manager, controller, signal } = world();
  await manager.credits.addCredits('u', 50);
  const meter = await manager.credits.openMeter({ userId: 'u', estimate: 10, signal });
  const reads = Array.from({ length: 20 }, () => codeOf(manager.credits.getUserCreditsInfo('u', { signal })));
  controller.abort(new Error('the user went away'));
  expect(new Set(await Promise.all(reads))).toEqual(new Set(['ABORTED']));
  expect(meter.signal).toMatchObject({ aborted: true, reason: { message: 'the user went away' } });
  meter.add(3);
  expect((await meter.settle())?.balanceAfter).toBe(47);
  expect(await endOf(manager.credits.addCredits('u', 1, { signal }))).toBe('ABORTED not_applied');
  expect(await manager.jobs.runOutbox({ signal })).toMatchObject({ status: 'stopped', processed: 0 });
  await manager.close();
});
