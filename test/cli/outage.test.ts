/** The program while its database is away. */
import { expect, test } from 'vitest';
import { EXIT } from '../../src/cli/command.js';
import { runCli } from '../../src/cli/main.js';
import { createCreditManagement, InMemoryDbManager } from '../../src/index.js';
import type { CreditManagement } from '../../src/services/manager/contract.js';
import { QUIET } from '../support/quiet.js';

test('run reports a round whose first calls of the database fail, and goes on', async () => {
  const stop = new AbortController();
  const said = { out: '', err: '' };
  /** One for each job of the first round. */
  const failures: string[] = [];
  class Away extends InMemoryDbManager {
    override async ping() {
      if (failures.length < 5) {
        failures.push('ping');
        throw new Error('connect ECONNREFUSED');
      }
      return super.ping();
    }
    override async find(...args: Parameters<InMemoryDbManager['find']>) {
      // A job of the second round reads what is due.
      if (args[0] === 'account') stop.abort();
      return super.find(...args);
    }
  }
  const db = new Away();
  const io = {
    ...{ env: { NODE_ENV: 'test' }, isTerminal: false, ask: null, signal: stop.signal },
    out: (text: string) => (said.out += text),
    err: (text: string) => (said.err += text),
  };
  const open = () => createCreditManagement({ db, logger: QUIET }) as unknown as CreditManagement<unknown>;
  const code = await runCli(['run', '--every', '1', '--memory'], io, {
    open,
    schemas: { postgres: () => '', mongodb: () => ({}) },
    openapi: () => ({}),
    serve: async () => ({ problems: [] }),
  });
  expect([code, said.err]).toEqual([EXIT.done, '']);
  expect(said.out).toMatch(/^expiration: stopped, 0 processed, 1 skipped/);
});
