/** Every adapter that needs no server runs the conformance suite of its port here. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { InMemoryDbManager } from '../../src/db/memory/manager.js';
import { testDbManager } from '../../src/testing/db-manager/index.js';
import { JsonDbManager } from '../backends/json-db-manager.js';

const macrotask = () => new Promise<void>((resolve) => setImmediate(resolve));
const runner = { describe, test };

describe('JsonDbManager', () => {
  const skip = [{ reason: 'it has no transaction()', tests: ['transactions', 'locks'] }];
  testDbManager(runner, () => new JsonDbManager(), { skip });
});

describe('InMemoryDbManager', () => testDbManager(runner, () => new InMemoryDbManager()));

describe('InMemoryDbManager, suspended in every call', () =>
  testDbManager(runner, () => new InMemoryDbManager({ suspend: macrotask })));

describe('testDbManager', () => {
  const registered = (options: Parameters<typeof testDbManager>[2]) => {
    const names: string[] = [];
    const bodies = new Map<string, () => Promise<void>>();
    const t = {
      describe: (_: string, body: () => void) => body(),
      test: (name: string, body: () => Promise<void>) => {
        names.push(name);
        bodies.set(name, body);
      },
    };
    let made = 0;
    const make = () => {
      made++;
      return new JsonDbManager();
    };
    testDbManager(t, make, options);
    return { names, bodies, made: () => made };
  };

  test('registers each test once and makes no manager before it runs', () => {
    const { names, made } = registered({});
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.length > 90, String(names.length));
    assert.equal(made(), 0);
  });

  test('shows a skipped test with the reason and does not run it', async () => {
    const skip = [{ reason: 'a reason', tests: ['no units, no outcomes', 'races'] }];
    const { names, bodies, made } = registered({ skip });
    assert.equal(names.length, registered({}).names.length);
    assert.ok(names.includes('no units, no outcomes (skipped: a reason)'));
    assert.ok(names.includes('of 50 inserts of one key exactly one commits (skipped: a reason)'));
    await bodies.get('no units, no outcomes (skipped: a reason)')?.();
    assert.equal(made(), 0);
  });

  test('refuses to skip what does not exist', () => {
    const skip = [{ reason: 'a reason', tests: ['no such test'] }];
    assert.throws(() => registered({ skip }), /no such test/);
  });
});
