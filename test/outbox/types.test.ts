/** A sink may name the types of events that it wants: every process writes rows for it only for these. */
import { describe, expect, test, vi } from 'vitest';
import { createCreditManagement, type EventSink, webhookSink } from '../../src/index.js';
import { onEveryBackend, outboxRows, Recorder, type World } from '../support/outbox-world.js';
import { QUIET } from '../support/quiet.js';

/** Milliseconds that the monotonic clock of the library is ahead. */
const skipped = vi.hoisted(() => ({ ms: 0 }));

vi.mock('../../src/timers.js', async (original) => {
  const timers = await original<typeof import('../../src/timers.js')>();
  return { ...timers, monotonicNow: () => timers.monotonicNow() + skipped.ms };
});

const LOW = ['credits.low_balance_reached', 'credits.balance_exhausted'] as const;

class Choosy extends Recorder {
  constructor(
    readonly types: EventSink['types'],
    name?: string,
  ) {
    super(name);
  }
}

const written = async (world: World, name?: string) => (await outboxRows(world, name)).map(({ type }) => type);

await onEveryBackend('a sink that names its types', (withWorld) => {
  test('gets rows for these alone, from every process, and others get all', async () => {
    await withWorld(async (world) => {
      const choosy = new Choosy(LOW);
      const all = new Recorder('all');
      const manager = world.open({ sinks: [choosy, all], defaults: { lowCreditThreshold: 5 } });
      await manager.credits.addCredits('u', 10);
      // This process has no sink; it knows the list from the database.
      await world.open().credits.deductCredits('u', 6);
      await manager.credits.deductCredits('u', 4);
      expect(await written(world)).toEqual(LOW);
      expect(await written(world, 'all')).toEqual(expect.arrayContaining(['credits.recharged', ...LOW]));
      await manager.jobs.runOutbox();
      expect(choosy.received.map(({ type }) => type)).toEqual(LOW);
      const listed = (await manager.outbox.listSinks()).map(({ name, types }) => [name, types]);
      expect(listed).toEqual([
        ['all', null],
        ['sink', LOW.toSorted()],
      ]);
    });
  });

  test('has the list of the process that started last; the others tell that theirs differs', async () => {
    await withWorld(async (world) => {
      const first = world.open({ sinks: [new Choosy(LOW)] });
      await first.init();
      expect((await first.health()).differingSettings).toEqual([]);
      const last = world.open({ sinks: [new Choosy(['credits.recharged'])] });
      await last.credits.addCredits('u', 1);
      expect(await written(world)).toEqual(['credits.recharged']);
      expect((await last.health()).differingSettings).toEqual([]);
      // The first one learns it within a minute, and writes by it.
      skipped.ms += 65_000;
      await first.credits.addCredits('u', 1);
      expect(await written(world)).toEqual(['credits.recharged', 'credits.recharged']);
      expect(await first.health()).toMatchObject({ status: 'degraded', differingSettings: ['sinks.sink.types'] });
      // Rows that were written by then are delivered, whoever does it: the list is no filter of deliveries.
      const sink = new Choosy(LOW);
      await world.open({ sinks: [sink] }).jobs.runOutbox();
      expect(sink.received.map(({ type }) => type)).toEqual(['credits.recharged', 'credits.recharged']);
    });
  });

  test('wants all types again once a process brings it without a list', async () => {
    await withWorld(async (world) => {
      await world.open({ sinks: [new Choosy(LOW)] }).init();
      const manager = world.open({ sinks: [new Recorder()] });
      await manager.credits.addCredits('u', 1);
      expect(await written(world)).toContain('credits.account.created');
    });
  });
});

describe('the types of a sink', () => {
  const open = (types: unknown) =>
    createCreditManagement({ sinks: [{ name: 'hook', publish: async () => {}, types } as EventSink], logger: QUIET });

  test.each([
    [['credits.low'], /sinks\.0.*credits\.low_balance_reached/s],
    [[], /sinks\.0/],
    ['credits.recharged', /sinks\.0/],
    [[5], /sinks\.0/],
  ])('%j are refused, and the message names those there are', (types, message) => {
    expect(() => open(types)).toThrowError(
      expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringMatching(message) }),
    );
  });

  test('are an option of webhookSink', () => {
    const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
    const sink = webhookSink({ name: 'hook', url: 'https://example.com', secret, types: LOW });
    expect(sink.types).toEqual(LOW);
  });

  test('that are written only with events: all are told to the log where they are not', async () => {
    const told: object[] = [];
    const warn = (entry: object) => void told.push(entry);
    const sinks = [{ name: 'hook', publish: async () => {}, types: ['credits.deducted'] as const }];
    const standard = createCreditManagement({ sinks, logger: { ...QUIET, warn } });
    await standard.init();
    expect(told).toEqual([{ sink: 'hook', types: ['credits.deducted'] }]);
    await standard.close();
    const all = createCreditManagement({ sinks, logger: { ...QUIET, warn }, events: 'all' });
    await all.init();
    expect(told).toHaveLength(1);
    await all.close();
  });
});
