/** The conformance suite of the `CacheBackend` port: tests that every cache must pass. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Awaitable } from '../models/values.js';
import type { CacheBackend } from '../ports/cache.js';
import { registerTests, type TestApi } from './test-api.js';

interface Fixture {
  readonly cache: CacheBackend;
  /** A key that no other test uses; it ends with `rest`. */
  key(rest?: string): string;
  /** Another backend from `make()`; it is closed after the test. */
  another(): Promise<CacheBackend>;
}

type Tests = Readonly<Record<string, (f: Fixture) => Promise<void>>>;

const LONG_MS = 60_000;
const SHORT_MS = 200;
/** A value may be answered this much longer than its time: stores round up, and machines are busy. */
const GRACE_MS = 3_000;
/** The most tries to be quicker than a short time, because machines are busy. */
const ROUNDS_MAX = 100;
const HUNDRED = Array.from({ length: 100 }, (_, i) => i + 1);

/** Texts that a store may mistake for its own syntax, for another text, or for no text at all. */
const TEXTS = [
  '0',
  'null',
  'undefined',
  ' ',
  'padded',
  ' padded',
  'padded ',
  'CASE',
  'case',
  'a:b',
  'a/b',
  'a{b}c',
  'a*b?c[d]',
  'it\'s "quoted" `so` \\ and \\u0041',
  '$1 %s %00 #{x} $' + '{y}',
  '😀 👩‍👩‍👧‍👦 日本語 עברית \u2028',
  'e\u0301',
  '\u00e9',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '[1,2,{"balance":3}]',
];

/**
 * Registers the conformance suite of the `CacheBackend` port with your test runner. Each test makes its own cache and
 * closes it. Caches may share one store, because every key that is set begins with a random name. Keys have up to 2 KB,
 * as the library's keys may.
 *
 * A cache may forget anything at any time, but the suite cannot tell a forgotten value from one that was never kept. So
 * it needs room for a hundred small values, and no value may be forgotten before its time within a test, which takes
 * five seconds at most. The suite asks for no order between several clients. A value may be answered for up to three
 * seconds after its time. Calls after `close` are not tested.
 *
 * @param make answers a cache that is ready for use; each may be a new one on the same store.
 * @example
 * import { describe, test } from 'vitest';
 * import { testCacheBackend } from 'credit-management/testing';
 *
 * describe('MyCache', () => testCacheBackend({ describe, test }, () => new MyCache({ url })));
 */
export function testCacheBackend(t: TestApi, make: () => Awaitable<CacheBackend>): void {
  const groups: Readonly<Record<string, Tests>> = {
    'keeping values': keepingTests,
    'time to live': timeTests,
    versions: versionTests,
    'texts as they are': textTests,
    'life of a cache': lifeTests,
  };
  registerTests(
    t,
    Object.entries(groups).map(([name, tests]) => ({
      name,
      tests: Object.fromEntries(Object.entries(tests).map(([test, body]) => [test, () => withFixture(make, body)])),
    })),
  );
}

const keepingTests: Tests = {
  'a key that was never set is null': async ({ cache, key }) => {
    assert.equal(await cache.get(key()), null);
  },

  'a value is read as it was set, as often as it is read': async ({ cache, key }) => {
    const name = key();
    await cache.set(name, 'value', { version: 1, ttlMs: LONG_MS });
    for (let i = 0; i < 3; i++) assert.equal(await cache.get(name), 'value');
  },

  'a cache that answers at once answers the same': async ({ cache, key }) => {
    if (!cache.peek) return;
    const [name, other] = [key('a'), key('b')];
    await cache.set(name, 'value', { version: 1, ttlMs: LONG_MS });
    assert.equal(cache.peek(name), 'value');
    assert.equal(cache.peek(other), null);
    await cache.set(name, 'newer', { version: 2, ttlMs: LONG_MS });
    assert.equal(cache.peek(name), 'newer');
    await cache.delete(name);
    assert.equal(cache.peek(name), null);
  },

  'a newer version replaces': async ({ cache, key }) => {
    const name = key();
    for (const version of [1, 2, 7]) {
      await cache.set(name, `v${version}`, { version, ttlMs: LONG_MS });
      assert.equal(await cache.get(name), `v${version}`);
    }
  },

  'deleted is gone; deleting nothing is harmless': async ({ cache, key }) => {
    const name = key();
    await cache.delete(name);
    await cache.set(name, 'value', { version: 1, ttlMs: LONG_MS });
    await cache.delete(name);
    assert.equal(await cache.get(name), null);
    await cache.delete(name);
  },

  'after a delete any version is kept, an older one too': async ({ cache, key }) => {
    const name = key();
    await cache.set(name, 'new', { version: 9, ttlMs: LONG_MS });
    await cache.delete(name);
    await cache.set(name, 'old', { version: 3, ttlMs: LONG_MS });
    assert.equal(await cache.get(name), 'old');
  },

  'keys are independent': async ({ cache, key }) => {
    const names = HUNDRED.map((i) => key(`${i}`));
    await Promise.all(names.map((name, i) => cache.set(name, `value ${i}`, { version: 100 - i, ttlMs: LONG_MS })));
    await cache.delete(names[50] as string);
    await cache.set(names[51] as string, 'newer', { version: 1_000, ttlMs: LONG_MS });
    const expected = names.map((_, i) => (i === 50 ? null : i === 51 ? 'newer' : `value ${i}`));
    assert.deepEqual(await Promise.all(names.map((name) => cache.get(name))), expected);
  },
};

const timeTests: Tests = {
  'a value is gone when its time is over': async ({ cache, key }) => {
    const name = key();
    await cache.set(name, 'value', { version: 1, ttlMs: SHORT_MS });
    await isGone(cache, name);
  },

  'a value stays for its time, and reading neither ends nor lengthens it': async ({ cache, key }) => {
    const [long, short] = [key('long'), key('short')];
    await cache.set(long, 'long', { version: 1, ttlMs: LONG_MS });
    await cache.set(short, 'short', { version: 1, ttlMs: SHORT_MS });
    await isGone(cache, short);
    assert.equal(await cache.get(long), 'long');
  },

  'when its time is over any version is kept, an older one too': async ({ cache, key }) => {
    const name = key();
    await cache.set(name, 'new', { version: 9, ttlMs: SHORT_MS });
    await isGone(cache, name);
    await cache.set(name, 'old', { version: 3, ttlMs: LONG_MS });
    assert.equal(await cache.get(name), 'old');
  },

  'an equal or newer version starts the time anew': async ({ cache, key }) => {
    const names = await within(SHORT_MS * 2, async (round) => {
      const fresh = { equal: key(`equal ${round}`), newer: key(`newer ${round}`), shorter: key(`shorter ${round}`) };
      await cache.set(fresh.equal, 'first', { version: 1, ttlMs: SHORT_MS * 2 });
      await cache.set(fresh.equal, 'second', { version: 1, ttlMs: LONG_MS });
      await cache.set(fresh.newer, 'first', { version: 1, ttlMs: SHORT_MS * 2 });
      await cache.set(fresh.newer, 'second', { version: 2, ttlMs: LONG_MS });
      return fresh;
    });
    await cache.set(names.shorter, 'first', { version: 1, ttlMs: LONG_MS });
    await cache.set(names.shorter, 'second', { version: 1, ttlMs: SHORT_MS });
    await isGone(cache, names.shorter);
    await sleep(SHORT_MS * 2);
    assert.equal(await cache.get(names.equal), 'second');
    assert.equal(await cache.get(names.newer), 'second');
  },

  'an older version does not touch the time of a newer one': async ({ cache, key }) => {
    const long = key('long');
    const short = await within(SHORT_MS * 2, async (round) => {
      const fresh = key(`short ${round}`);
      await cache.set(fresh, 'new', { version: 2, ttlMs: SHORT_MS * 2 });
      await cache.set(fresh, 'old', { version: 1, ttlMs: LONG_MS });
      return fresh;
    });
    await cache.set(long, 'new', { version: 2, ttlMs: LONG_MS });
    await cache.set(long, 'old', { version: 1, ttlMs: SHORT_MS });
    await isGone(cache, short);
    assert.equal(await cache.get(long), 'new');
  },

  'a time of a week, and of a millisecond': async ({ cache, key }) => {
    const [long, short] = [key('long'), key('short')];
    await cache.set(long, 'value', { version: 1, ttlMs: 7 * 24 * 3600 * 1000 });
    await cache.set(short, 'value', { version: 1, ttlMs: 1 });
    await isGone(cache, short);
    assert.equal(await cache.get(long), 'value');
  },
};

const versionTests: Tests = {
  'an older version never replaces a newer one': async ({ cache, key }) => {
    const name = key();
    await cache.set(name, 'new', { version: 5, ttlMs: LONG_MS });
    for (const version of [4, 1, 0]) {
      await cache.set(name, `old ${version}`, { version, ttlMs: LONG_MS });
      assert.equal(await cache.get(name), 'new');
    }
  },

  'an equal version replaces': async ({ cache, key }) => {
    const name = key();
    for (const value of ['first', 'second', 'third']) {
      await cache.set(name, value, { version: 5, ttlMs: LONG_MS });
      assert.equal(await cache.get(name), value);
    }
  },

  'versions are numbers, from 0 to the largest safe integer': async ({ cache, key }) => {
    const name = key();
    const steps = [0, 1, 9, 10, 99, 100, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER];
    for (const [i, version] of steps.entries()) {
      await cache.set(name, `v${version}`, { version, ttlMs: LONG_MS });
      assert.equal(await cache.get(name), `v${version}`);
      const older = steps[i - 1];
      if (older !== undefined) await cache.set(name, `older ${older}`, { version: older, ttlMs: LONG_MS });
      assert.equal(await cache.get(name), `v${version}`);
    }
  },

  'of 100 versions set at once in any order the newest stays, with its own value': async ({ cache, key }) => {
    for (let round = 0; round < 5; round++) {
      const name = key(`${round}`);
      await Promise.all(
        shuffled(HUNDRED).map((version) => cache.set(name, `v${version}`, { version, ttlMs: LONG_MS })),
      );
      assert.equal(await cache.get(name), 'v100');
    }
  },

  'the newest stays too when two clients set at once': async ({ cache, another, key }) => {
    const name = key();
    const caches = [cache, await another()];
    const sets = caches.flatMap((client) => shuffled(HUNDRED).map((version) => ({ client, version })));
    await Promise.all(
      mixed(sets, ({ version }) => version).map(({ client, version }) =>
        client.set(name, `v${version}`, { version, ttlMs: LONG_MS }),
      ),
    );
    for (const client of caches) assert.equal(await client.get(name), 'v100');
  },

  'who has set a version reads it or a newer one, whatever is set meanwhile': async ({ cache, key }) => {
    const name = key();
    await Promise.all(
      mixed(HUNDRED, (version) => version).map(async (version) => {
        await cache.set(name, `${version}`, { version, ttlMs: LONG_MS });
        const found = Number(await cache.get(name));
        assert.ok(found >= version, `version ${found} was read after ${version} was set`);
      }),
    );
  },

  'the version of one key says nothing of another': async ({ cache, key }) => {
    const [first, second] = [key('first'), key('second')];
    await cache.set(first, 'first', { version: 50, ttlMs: LONG_MS });
    await cache.set(second, 'second', { version: 1, ttlMs: LONG_MS });
    assert.deepEqual([await cache.get(first), await cache.get(second)], ['first', 'second']);
  },
};

const textTests: Tests = {
  'a value is text, whatever it looks like': async ({ cache, key }) => {
    for (const [i, value] of ['', ...TEXTS].entries()) {
      const name = key(`${i}`);
      await cache.set(name, value, { version: 1, ttlMs: LONG_MS });
      assert.equal(await cache.get(name), value);
    }
  },

  'an empty value is a value: it is not null and has a version': async ({ cache, key }) => {
    const name = key();
    await cache.set(name, '', { version: 2, ttlMs: LONG_MS });
    await cache.set(name, 'older', { version: 1, ttlMs: LONG_MS });
    assert.equal(await cache.get(name), '');
  },

  'a key is text, whatever it looks like, and no two are one': async ({ cache, key }) => {
    const names = TEXTS.map((text) => key(text));
    for (const [i, name] of names.entries()) await cache.set(name, `value ${i}`, { version: 1, ttlMs: LONG_MS });
    const expected = names.map((_, i) => `value ${i}`);
    assert.deepEqual(await Promise.all(names.map((name) => cache.get(name))), expected);
    await cache.delete(key('a*b?c[d]'));
    await cache.delete(key('*'));
    const left = (await Promise.all(names.map((name) => cache.get(name)))).filter((value) => value !== null);
    assert.equal(left.length, names.length - 1, 'delete takes away one key');
  },

  'a property that every object has is no value': async ({ cache }) => {
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty']) assert.equal(await cache.get(name), null, name);
  },

  'keys and values of 2 KB': async ({ cache, key }) => {
    const [ascii, wide] = [key('k'.repeat(1_900)), key('😀'.repeat(475))];
    await cache.set(ascii, 'x'.repeat(2_048), { version: 1, ttlMs: LONG_MS });
    await cache.set(wide, '😀'.repeat(512), { version: 1, ttlMs: LONG_MS });
    assert.equal(await cache.get(ascii), 'x'.repeat(2_048));
    assert.equal(await cache.get(wide), '😀'.repeat(512));
    assert.equal(await cache.get(ascii.slice(0, -1)), null, 'a key is never shortened');
  },
};

const lifeTests: Tests = {
  'every verb answers a promise': async ({ cache, key }) => {
    const name = key();
    const answers: readonly unknown[] = [
      cache.get(name),
      cache.set(name, 'value', Object.freeze({ version: 1, ttlMs: LONG_MS })),
      cache.delete(name),
    ];
    for (const answer of answers) {
      assert.ok(typeof (answer as Promise<unknown> | null)?.then === 'function', 'a promise, not a value');
      await answer;
    }
  },

  'close resolves, twice and at once too, where there is one': async ({ cache, another, key }) => {
    await cache.set(key(), 'value', { version: 1, ttlMs: LONG_MS });
    await cache.close?.();
    await cache.close?.();
    const unused = await another();
    await Promise.all([unused.close?.(), unused.close?.()]);
  },
};

async function withFixture(make: () => Awaitable<CacheBackend>, body: (f: Fixture) => Promise<void>): Promise<void> {
  const opened: CacheBackend[] = [];
  const another = async () => {
    const cache = await make();
    opened.push(cache);
    return cache;
  };
  const prefix = randomUUID();
  try {
    await body({ cache: await another(), key: (rest = '') => `${prefix}/${rest}`, another });
  } finally {
    for (const cache of opened) await cache.close?.();
  }
}

/** Waits until a value with a short time is gone, and fails when it stays too long. */
async function isGone(cache: CacheBackend, key: string): Promise<void> {
  const end = performance.now() + GRACE_MS;
  for (;;) {
    const isLate = performance.now() >= end;
    const value = await cache.get(key);
    if (value === null) return;
    assert.ok(!isLate, `${JSON.stringify(value)} is still there ${GRACE_MS} ms later`);
    await sleep(20);
  }
}

/** Repeats `run` with the next number until it takes less than `ms`, so that no value's time is over before it ends. */
async function within<T>(ms: number, run: (round: number) => Promise<T>): Promise<T> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const began = performance.now();
    const answer = await run(round);
    if (performance.now() - began < ms) return answer;
  }
  assert.fail(`two calls of a cache took longer than ${ms} ms, ${ROUNDS_MAX} times`);
}

/** The same with an older version last: a cache that keeps whatever came last would be right by chance. */
function mixed<T>(items: readonly T[], versionOf: (item: T) => number): T[] {
  const order = shuffled(items);
  while (versionOf(order.at(-1) as T) === HUNDRED.length) order.unshift(order.pop() as T);
  return order;
}

/** The items in a random order. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: randomUUID() }))
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .map(({ item }) => item);
}
