/** The conformance suite of the `LedgerSink` port, on the ledger file, and on sinks that it must find wrong. */
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LedgerLogger } from '../../src/ledger/ledger-file.js';
import type { LedgerSink } from '../../src/ports/ledger-sink.js';
import { type LedgerSinkUnderTest, testLedgerSink } from '../../src/testing/ledger-sink.js';

type Fsync = 'always' | 'interval' | 'never';

/** A ledger file in a temporary folder; a directory in its place makes it fail. */
async function make(fsync: Fsync, wrong: (sink: LedgerSink) => Partial<LedgerSink> = () => ({})) {
  const folder = await mkdtemp(join(tmpdir(), 'sink-'));
  const path = join(folder, 'new folder', 'ledger.jsonl');
  const open = (filePath: string): LedgerSink => {
    const sink = new LedgerLogger({ filePath, fsync });
    const whole: LedgerSink = {
      path: sink.path,
      append: (lines) => sink.append(lines),
      ready: () => sink.ready(),
      flush: () => sink.flush(),
      read: (offset) => sink.read(offset),
      identity: () => sink.identity(),
      replace: (lines) => sink.replace(lines),
      health: () => sink.health(),
      watch: (changed) => sink.watch(changed),
      close: () => sink.close(),
    };
    return Object.assign(whole, wrong(sink));
  };
  const made: LedgerSinkUnderTest = {
    sink: open(path),
    open,
    async fail() {
      await mkdir(path, { recursive: true });
      return () => rmdir(path);
    },
    dispose: () => rm(folder, { recursive: true }),
  };
  return made;
}

describe.concurrent.each<Fsync>(['always', 'interval', 'never'])('LedgerLogger, fsync %s', (fsync) => {
  testLedgerSink({ describe, test }, () => make(fsync));
});

const wrongSinks: readonly [what: string, wrong: (sink: LedgerSink) => Partial<LedgerSink>, found: string][] = [
  [
    'appends in another order',
    (sink) => ({ append: (lines) => sink.append(lines.toReversed()) }),
    'lines come back byte for byte',
  ],
  [
    'loses lines of an append',
    (sink) => ({ append: (lines) => sink.append(lines.slice(0, 2)) }),
    'appends without waiting keep their order, lines whole',
  ],
  [
    'trims lines',
    (sink) => ({ append: (lines) => sink.append(lines.map((line) => `${line.trim()}\n`)) }),
    'lines come back byte for byte',
  ],
  [
    'cuts long lines',
    (sink) => ({ append: (lines) => sink.append(lines.map((line) => `${line.slice(0, 65_535)}\n`)) }),
    'a line of 256 KiB, and megabytes at once',
  ],
  [
    'keeps the list that it was given',
    (sink) => ({
      append: (lines) => {
        setImmediate(() => sink.append(lines));
        return null;
      },
    }),
    'the caller may change its list afterwards',
  ],
  ['flushes nothing', () => ({ flush: async () => {} }), 'flush waits for all that was appended before it, every time'],
  [
    'throws its answer away',
    (sink) => ({ append: (lines) => void sink.append(lines) as unknown as null }),
    'what comes afterwards is ignored, and nobody waits for it',
  ],
  ['reads from the start always', (sink) => ({ read: () => sink.read(0) }), 'from an offset, to the end'],
  [
    'takes its path for its identity',
    (sink) => ({ identity: async () => sink.path }),
    'keeps the old one beside it, and has another identity',
  ],
  [
    'changes its identity with every line',
    (sink) => ({ identity: async () => `${sink.path} ${Math.floor(performance.now() * 1000)}` }),
    'identity stays while lines are appended, and is the same for everybody',
  ],
  [
    'makes a file before there is a line',
    (sink) => ({
      append: async (lines) => {
        await sink.ready();
        await sink.append(lines);
      },
    }),
    'nothing is there before the first line',
  ],
  [
    'appends instead of replacing',
    (sink) => ({
      async replace(lines) {
        for await (const batch of lines) await sink.append(batch);
        await sink.flush();
        return null;
      },
    }),
    'keeps the old one beside it, and has another identity',
  ],
  [
    'keeps nothing of what it replaces',
    (sink) => ({
      async replace(lines) {
        const kept = await sink.replace(lines);
        if (kept !== null) await rm(kept);
        return kept;
      },
    }),
    'again and again keeps every one of them',
  ],
  [
    'puts half of the lines in place when they break off',
    (sink) => ({
      async replace(lines) {
        const taken: (readonly string[])[] = [];
        try {
          for await (const batch of lines) taken.push(batch);
        } catch {}
        return sink.replace(
          (async function* () {
            yield* taken;
          })(),
        );
      },
    }),
    'by lines that break off changes nothing',
  ],
  [
    'has no lag',
    () => ({ health: () => ({ state: 'up', lag: 0 }) }),
    'what cannot be written is counted and told, and written by itself later',
  ],
  [
    'counts a lag for ever',
    () => ({ health: () => ({ state: 'up', lag: 1 }) }),
    'lag counts lines that are not written yet',
  ],
  [
    'tells nothing',
    () => ({ watch: () => {} }),
    'what cannot be written is counted and told, and written by itself later',
  ],
  [
    'tells of every watch',
    () => ({ watch: (changed) => changed({ kind: 'recovered', dropped: 0 }) }),
    'nothing is told, and everything ready, while all goes well',
  ],
  ['closes before it has written', () => ({ close: async () => {} }), 'writes what was taken'],
];

describe.concurrent('testLedgerSink', () => {
  function registered(wrong: (sink: LedgerSink) => Partial<LedgerSink>) {
    const bodies = new Map<string, () => Promise<void>>();
    const t = {
      describe: (_: string, body: () => void) => body(),
      test: (name: string, body: () => Promise<void>) => void bodies.set(name, body),
    };
    testLedgerSink(t, () => make('interval', wrong));
    return bodies;
  }

  test.each(wrongSinks)('finds wrong a sink that %s', async (_, wrong, found) => {
    const body = registered(wrong).get(found);
    expect(body).toBeTypeOf('function');
    await expect(body?.()).rejects.toThrow();
  });
});
