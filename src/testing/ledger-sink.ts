/** The conformance suite of the `LedgerSink` port: tests that every mirror of the ledger must pass. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isCreditError } from '../errors.js';
import type { Awaitable } from '../models/values.js';
import type { LedgerSink, LedgerSinkChange } from '../ports/ledger-sink.js';
import { registerTests, type TestApi } from './test-api.js';

/** A sink with an empty mirror, and the means to look at that mirror from outside. */
export interface LedgerSinkUnderTest {
  readonly sink: LedgerSink;
  /** Opens another sink at a path, as another process would: the path of `sink`, or one that its `replace` answered. */
  open(path: string): Awaitable<LedgerSink>;
  /** Makes every write fail until the returned function is called. Leave it out if that cannot be arranged. */
  fail?(): Awaitable<() => Awaitable<void>>;
  /** Called at the end of each test, after all sinks were closed. */
  dispose?(): Awaitable<void>;
}

interface Fixture extends LedgerSinkUnderTest {
  open(path: string): Promise<LedgerSink>;
}

type Tests = Readonly<Record<string, (f: Fixture) => Promise<void>>>;

const MANY = Array.from({ length: 500 }, (_, i) => i);
const KIB = 1024;

/**
 * Registers the conformance suite of the `LedgerSink` port with your test runner. Each test makes its own sink.
 *
 * @param make answers a sink with an empty mirror.
 * @example
 * testLedgerSink({ describe, test }, () => {
 *   const open = (filePath: string) => new LedgerLogger({ filePath });
 *   return { sink: open(temporaryPath()), open };
 * });
 */
export function testLedgerSink(t: TestApi, make: () => Awaitable<LedgerSinkUnderTest>): void {
  const groups: Readonly<Record<string, Tests>> = {
    'appending lines': appendTests,
    'reading the mirror': readTests,
    'replacing the mirror': replaceTests,
    'health and failure': healthTests,
    'closing a sink': closeTests,
  };
  registerTests(
    t,
    Object.entries(groups).map(([name, tests]) => ({
      name,
      tests: Object.fromEntries(Object.entries(tests).map(([test, body]) => [test, () => withFixture(make, body)])),
    })),
  );
}

const appendTests: Tests = {
  'nothing is there before the first line': async ({ sink }) => {
    assert.equal(await sink.identity(), null);
    assert.equal(await textOf(sink), '');
    await sink.flush();
    await sink.append([]);
    await sleep(20);
    assert.equal(await sink.identity(), null, 'no lines, no mirror');
    assert.deepEqual(sink.health(), { state: 'up', lag: 0 });
  },

  'lines come back byte for byte': async ({ sink }) => {
    const odd = [
      '',
      ' ',
      '{"a":"\\n \\" \\u0000"}',
      "it's `odd` \\ $1 %s",
      '😀 👩‍👩‍👧‍👦 e\u0301 \u00e9 \u2028 \ufeff',
      '\r',
    ];
    const lines = odd.map((text) => `${text}\n`);
    await written(sink, lines);
    assert.equal(await textOf(sink), lines.join(''));
  },

  'appends without waiting keep their order, lines whole': async ({ sink }) => {
    const all = MANY.map((i) => Array.from({ length: (i % 4) + 1 }, (_, j) => line('a', i, j)));
    const waits = all.map((lines) => sink.append(lines));
    await Promise.all(waits);
    if (waits.every((wait) => wait === null)) await sink.flush();
    assert.equal(await textOf(sink), all.flat().join(''));
  },

  'a line of 256 KiB, and megabytes at once': async ({ sink }) => {
    const long = `${'x'.repeat(256 * KIB - 1)}\n`;
    const wide = `${'€'.repeat(80 * KIB)}\n`;
    const lines = [line('a', 0), long, ...Array.from({ length: 20 }, () => wide), long, line('a', 1)];
    await written(sink, lines);
    assert.equal(await textOf(sink), lines.join(''));
  },

  'the caller may change its list afterwards': async ({ sink }) => {
    const lines = [line('a', 0), line('a', 1)];
    void sink.append(lines);
    lines.length = 0;
    lines.push('something else\n');
    await sink.flush();
    assert.equal(await textOf(sink), line('a', 0) + line('a', 1));
  },

  'flush waits for all that was appended before it, every time': async ({ sink }) => {
    let expected = '';
    for (let i = 0; i < 30; i++) {
      for (let j = 0; j <= i; j++) {
        expected += line('a', i, j);
        void sink.append([line('a', i, j)]);
      }
      await Promise.all([sink.flush(), sink.flush()]);
      assert.equal(await textOf(sink), expected);
    }
  },

  'what stands there stays: another sink appends behind it': async ({ sink, open }) => {
    await written(sink, [line('a', 0)]);
    await sink.close();
    const next = await open(sink.path);
    await written(next, [line('b', 0)]);
    assert.equal(await textOf(next), line('a', 0) + line('b', 0));
  },

  'several sinks at one path: every line whole, the order of each kept': async ({ sink, open }) => {
    const sinks = { a: sink, b: await open(sink.path), c: await open(sink.path) };
    for (const i of MANY) {
      for (const [name, one] of Object.entries(sinks)) void one.append([line(name, i)]);
      if (i % 50 === 0) await sleep(1);
    }
    for (const one of Object.values(sinks)) await one.flush();
    const lines = linesOf(await textOf(sink));
    assert.equal(lines.length, 3 * MANY.length);
    for (const name of Object.keys(sinks)) {
      const own = lines.filter((text) => text.startsWith(`{"${name}"`));
      assert.deepEqual(
        own,
        MANY.map((i) => line(name, i)),
      );
    }
  },
};

const readTests: Tests = {
  'from an offset, to the end': async ({ sink }) => {
    const lines = [line('a', 0), line('€😀', 1), line('c', 2)];
    await written(sink, lines);
    const bytes = Buffer.from(lines.join(''));
    for (let offset = 0; offset <= bytes.length; offset++) {
      assert.deepEqual(await bytesOf(sink, offset), bytes.subarray(offset));
    }
    assert.deepEqual(await bytesOf(sink, bytes.length + 1_000), Buffer.alloc(0));
  },

  'megabytes, by two readers at once, one of whom stops early': async ({ sink }) => {
    const lines = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(100 * KIB)}\n`);
    await written(sink, lines);
    const stopping = async () => {
      for await (const piece of sink.read(0)) return piece.length;
      return 0;
    };
    const [some, all, rest] = await Promise.all([stopping(), textOf(sink), textOf(sink, KIB)]);
    assert.ok(some > 0);
    assert.equal(all, lines.join(''));
    assert.equal(rest, lines.join('').slice(KIB));
    assert.equal(await textOf(sink), lines.join(''));
  },

  'identity stays while lines are appended, and is the same for everybody': async ({ sink, open }) => {
    const other = await open(sink.path);
    await written(sink, [line('a', 0)]);
    const identity = await sink.identity();
    assert.equal(typeof identity, 'string');
    await written(sink, [line('a', 1)]);
    await written(other, [line('b', 0)]);
    assert.deepEqual([await sink.identity(), await other.identity()], [identity, identity]);
  },
};

const replaceTests: Tests = {
  'where there was none: the lines in order, and nothing kept': async ({ sink }) => {
    assert.equal(await sink.replace(batches([line('n', 0)], [], [line('n', 1), line('n', 2)])), null);
    assert.equal(await textOf(sink), line('n', 0) + line('n', 1) + line('n', 2));
    assert.notEqual(await sink.identity(), null);
  },

  'keeps the old one beside it, and has another identity': async ({ sink, open }) => {
    await written(sink, [line('a', 0), line('a', 1)]);
    const other = await open(sink.path);
    const identity = await sink.identity();
    const kept = await sink.replace(batches([line('n', 0)]));
    assert.ok(kept !== null && kept !== sink.path);
    assert.equal(await textOf(sink), line('n', 0));
    assert.equal(await textOf(await open(kept)), line('a', 0) + line('a', 1));
    assert.notEqual(await sink.identity(), identity);
    assert.equal(await other.identity(), await sink.identity());
  },

  'lines go to the new one afterwards, from other sinks too': async ({ sink, open }) => {
    const other = await open(sink.path);
    await written(sink, [line('a', 0)]);
    await written(other, [line('b', 0)]);
    await sink.replace(batches([line('n', 0)]));
    await written(sink, [line('a', 1)]);
    await written(other, [line('b', 1)]);
    assert.equal(await textOf(sink), line('n', 0) + line('a', 1) + line('b', 1));
  },

  'again and again keeps every one of them': async ({ sink, open }) => {
    const kept: string[] = [];
    for (let i = 0; i < 4; i++) {
      const path = await sink.replace(batches([line('n', i)]));
      if (path !== null) kept.push(path);
    }
    assert.equal(new Set(kept).size, 3);
    for (const [i, path] of kept.entries()) assert.equal(await textOf(await open(path)), line('n', i));
    assert.equal(await textOf(sink), line('n', 3));
  },

  'loses no line that is appended meanwhile': async ({ sink, open }) => {
    await written(sink, [line('a', 0)]);
    async function* slowly() {
      for (let i = 0; i < 20; i++) {
        void sink.append([line('m', i)]);
        await sleep(1);
        yield [line('n', i)];
      }
    }
    const replacing = sink.replace(slowly());
    for (let i = 20; i < 60; i++) {
      void sink.append([line('m', i)]);
      await sleep(1);
    }
    const kept = await replacing;
    await sink.flush();
    assert.ok(kept !== null);
    const both = linesOf((await textOf(await open(kept))) + (await textOf(sink)));
    for (let i = 0; i < 60; i++) assert.equal(both.filter((text) => text === line('m', i)).length, 1, line('m', i));
    assert.deepEqual(
      both.filter((text) => text.startsWith('{"n"')),
      MANY.slice(0, 20).map((i) => line('n', i)),
    );
  },

  'by lines that break off changes nothing': async ({ sink }) => {
    await written(sink, [line('a', 0)]);
    const identity = await sink.identity();
    async function* broken() {
      yield [line('n', 0)];
      throw new Error('the database went away');
    }
    await assert.rejects(sink.replace(broken()));
    assert.equal(await textOf(sink), line('a', 0));
    assert.equal(await sink.identity(), identity);
    await written(sink, [line('a', 1)]);
    assert.equal(await textOf(sink), line('a', 0) + line('a', 1));
  },
};

const healthTests: Tests = {
  'lag counts lines that are not written yet': async ({ sink }) => {
    for (let round = 1; round <= 3; round++) {
      void sink.append(MANY.map((i) => line('a', i)));
      const { lag } = sink.health();
      assert.ok(lag >= 0 && lag <= MANY.length, `lag ${lag}`);
      await sink.flush();
      assert.deepEqual(sink.health(), { state: 'up', lag: 0 });
    }
  },

  'nothing is told, and everything ready, while all goes well': async ({ sink }) => {
    const told: LedgerSinkChange[] = [];
    sink.watch((change) => told.push(change));
    await sink.ready();
    for (let i = 0; i < 5; i++) await written(sink, [line('a', i)]);
    await sink.replace(batches([line('n', 0)]));
    await written(sink, [line('a', 5)]);
    assert.equal(await sink.ready(), await sink.ready());
    await sink.close();
    assert.deepEqual(told, []);
  },

  'what cannot be written is counted and told, and written by itself later': async ({ sink, fail }) => {
    if (!fail) return;
    const told: LedgerSinkChange[] = [];
    sink.watch((change) => told.push(change));
    const repair = await fail();
    for (const i of MANY) void sink.append([line('a', i)]);
    await unavailable(sink.flush());
    assert.deepEqual(sink.health(), { state: 'degraded', lag: MANY.length });
    await unavailable(sink.ready());
    assert.equal(await sink.append([line('b', 0)]), null, 'no call waits for a sink that is known to fail');
    assert.deepEqual(
      told.map((change) => change.kind),
      ['degraded'],
    );
    await repair();
    for (let looks = 0; sink.health().state !== 'up' && looks < 3_000; looks++) await sleep(20);
    await sink.flush();
    assert.deepEqual(sink.health(), { state: 'up', lag: 0 });
    assert.equal(await textOf(sink), MANY.map((i) => line('a', i)).join('') + line('b', 0));
    assert.deepEqual(told.slice(1), [{ kind: 'recovered', dropped: 0 }]);
    await sink.ready();
  },

  'closing ends a sink that cannot write': async ({ sink, fail }) => {
    const repair = await fail?.();
    void sink.append([line('a', 0)]);
    const given = sleep(60_000, 'too late', { ref: false });
    assert.equal(await Promise.race([sink.close(), given]), undefined);
    await repair?.();
  },
};

const closeTests: Tests = {
  'writes what was taken': async ({ sink, open }) => {
    for (const i of MANY) void sink.append([line('a', i)]);
    await sink.close();
    assert.equal(await textOf(await open(sink.path)), MANY.map((i) => line('a', i)).join(''));
  },

  'twice, and at once, is harmless': async ({ sink, open }) => {
    await written(sink, [line('a', 0)]);
    await Promise.all([sink.close(), sink.close()]);
    await sink.close();
    assert.equal(await textOf(await open(sink.path)), line('a', 0));
  },

  'before anything was written makes nothing': async ({ sink, open }) => {
    await sink.close();
    assert.equal(await (await open(sink.path)).identity(), null);
  },

  'what comes afterwards is ignored, and nobody waits for it': async ({ sink, open }) => {
    await written(sink, [line('a', 0)]);
    await sink.close();
    assert.equal(await sink.append([line('a', 1)]), null);
    await sink.close();
    await sleep(20);
    assert.equal(await textOf(await open(sink.path)), line('a', 0));
    assert.equal(sink.health().lag, 0);
  },
};

async function withFixture(make: () => Awaitable<LedgerSinkUnderTest>, body: (f: Fixture) => Promise<void>) {
  const made = await make();
  const opened = [made.sink];
  const open = async (path: string) => {
    const sink = await made.open(path);
    opened.push(sink);
    return sink;
  };
  try {
    await body({ ...made, open });
  } finally {
    await Promise.all(opened.map((sink) => sink.close()));
    await made.dispose?.();
  }
}

const line = (name: string, ...numbers: readonly number[]): string => `{"${name}":[${numbers.join(',')}]}\n`;

/** The lines of a text, each with its newline. */
const linesOf = (text: string): string[] => text.split(/(?<=\n)/);

async function* batches(...lines: readonly (readonly string[])[]): AsyncIterable<readonly string[]> {
  yield* lines;
}

async function written(sink: LedgerSink, lines: readonly string[]): Promise<void> {
  await sink.append(lines);
  await sink.flush();
}

async function bytesOf(sink: LedgerSink, offset = 0): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of sink.read(offset)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function textOf(sink: LedgerSink, offset = 0): Promise<string> {
  return (await bytesOf(sink, offset)).toString();
}

async function unavailable(call: Promise<void> | null): Promise<void> {
  await assert.rejects(
    async () => call,
    (error) => isCreditError(error, 'LEDGER_FILE_UNAVAILABLE'),
  );
}
