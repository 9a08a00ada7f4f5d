/** Ledger sinks of a host that fail in ways which their contract forbids: no process ends by that. */
import { expect, test } from 'vitest';
import { createCreditManagement, InMemoryDbManager, type LedgerSink } from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { QUIET } from '../support/quiet.js';
import { unhandledOf } from '../support/unhandled.js';
import { sleep } from '../support/wait.js';

const ignore = () => {};

/** A sink that takes everything and keeps nothing. */
const leaky: LedgerSink = {
  ...{ path: 'leaky:', append: () => null, ready: async () => {}, flush: async () => {}, watch: ignore },
  ...{ identity: async () => 'one', replace: async () => null, health: () => ({ state: 'up', lag: 0 }) },
  async *read() {},
  close: async () => {},
};

function managed(wrong: Partial<LedgerSink>, fileFailure: 'degrade' | 'refuse') {
  // Commits take some turns, as on a server.
  const db = new InMemoryDbManager({ suspend: () => sleep(1) });
  return createCreditManagement({ db, ledger: { sink: { ...leaky, ...wrong }, fileFailure }, logger: QUIET });
}

test('a sink that rejects what it is to append fails the reconciliation, and leaves no rejection behind', async () => {
  const manager = managed({ append: () => Promise.reject(new Error('no disk')) }, 'degrade');
  const unhandled = await unhandledOf(async () => {
    await manager.credits.addCredits('u', 1);
    expect(await codeOf(manager.ledger.reconcile())).not.toBe('resolved');
  });
  expect(unhandled).toEqual([]);
  await manager.close();
});

test('a required sink that throws where it should reject refuses the calls behind a commit alone', async () => {
  let answers = Number.POSITIVE_INFINITY;
  const ready = () => {
    if (answers-- > 0) return Promise.resolve();
    throw new Error('no disk');
  };
  const manager = managed({ ready }, 'refuse');
  await manager.credits.addCredits('u', 1);
  const crashes: unknown[] = [];
  const hear = (error: unknown) => crashes.push(error);
  process.on('uncaughtException', hear);
  // It answers for the call that is committed, and no more for those that are decided during this commit.
  answers = 1;
  expect(await codeOf(manager.credits.addCredits('u', 1))).toBe('resolved');
  expect(await codeOf(manager.credits.addCredits('u', 1))).not.toBe('resolved');
  process.off('uncaughtException', hear);
  expect(crashes).toEqual([]);
  expect((await manager.credits.getUserCreditsInfo('u')).balance).toBe(2);
  await manager.close();
});
