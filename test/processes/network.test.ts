/** Networks that cut, freeze, delay and lose exactly one answer, between a manager and its server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADAPTER, CONNECTIONS_BESIDE, DECISIVE, describeDatabase, SLOW_MS } from '../backends/by-adapter.js';
import { type Manager, openManager, type WorkerConfig } from '../backends/open-adapter.js';
import { TcpProxy, type Trap } from '../backends/proxy.js';
import { amount } from '../support/amounts.js';
import { type Caller, localCaller } from '../support/answers.js';
import { SEED } from '../support/chance.js';
import { Journal, VERBS } from '../support/journal.js';
import { PATIENT_MS, paced } from '../support/pace.js';
import { sleep, until } from '../support/wait.js';

/** Times that every connection is cut under load; other tests take their rounds from it. */
const CUTS = amount('CREDIT_CUTS');
const ROUNDS = Math.ceil(CUTS / 20);
const TIMEOUT_MS = paced(800);
const LOOKUP_BATCHES = 60;
const POOL = 5;
/** Beside this a call may take its deadline. */
const GRACE_MS = 1_000;
const OUTAGE = ['OUTCOME_UNKNOWN', 'STORAGE_UNAVAILABLE', 'TIMEOUT', 'CONTENTION'];
const LOSSES: readonly Trap['loses'][] = ['answer', 'request', 'late'];

await describeDatabase(`networks that fail on ${ADAPTER}`, (database) => {
  let proxy: TcpProxy;
  let config: WorkerConfig;
  /** Through the proxy, and around it. */
  let manager: Manager;
  let direct: Manager;
  let call: Caller;
  let directCall: Caller;
  /** Calls of a journal through the proxy. */
  const patientCall: Caller = (verb, ...args) =>
    call(verb, ...args.slice(0, -1), { ...(args.at(-1) as object), timeoutMs: PATIENT_MS });
  const unhandled: string[] = [];
  const hear = (error: unknown) => unhandled.push(String(error));
  const totals = { calls: 0, cuts: 0, lostAnswers: 0, lostRequests: 0, late: 0, settled: 0, slowest: 0 };
  const answers: Record<string, number> = {};

  beforeAll(async () => {
    process.on('unhandledRejection', hear);
    proxy = await TcpProxy.start(database.url, DECISIVE);
    config = { adapter: ADAPTER, url: proxy.url, timeoutMs: TIMEOUT_MS, poolSize: POOL };
    manager = openManager(config);
    direct = openManager({ ...config, url: database.url, timeoutMs: PATIENT_MS });
    [call, directCall] = [localCaller(manager), localCaller(direct)];
    await manager.init();
    await direct.init();
  });

  afterAll(async () => {
    await manager?.close();
    await direct?.close();
    await proxy?.close();
    process.off('unhandledRejection', hear);
    console.log(
      `network: ${JSON.stringify({ seed: SEED, ...totals, slowest: Math.round(totals.slowest), ...answers })}`,
    );
  });

  /** A journal on a healthy network; in the end the network is healthy again and all answers are judged. */
  async function judged(name: string, run: (journal: Journal) => Promise<void>, expected: readonly string[] = OUTAGE) {
    const journal = new Journal(name, SEED);
    const cuts = proxy.cuts;
    await journal.prepare(directCall);
    // Whatever the test before left.
    await recovered();
    try {
      await run(journal);
    } finally {
      proxy.heal();
    }
    await recovered();
    totals.settled += await journal.settle(call, directCall);
    totals.calls += journal.calls.length;
    totals.cuts += proxy.cuts - cuts;
    totals.slowest = Math.max(totals.slowest, journal.slowest);
    for (const [code, count] of Object.entries(journal.tally)) answers[code] = (answers[code] ?? 0) + count;
    expect(journal.unsettled.map(({ tag, names }) => `${tag}: ${names}`)).toEqual([]);
    expect(journal.surprises(expected)).toEqual([]);
    expect(journal.slowest).toBeLessThan(TIMEOUT_MS + GRACE_MS);
    expect(await journal.problems(direct)).toEqual([]);
    expect(unhandled).toEqual([]);
    expect(proxy.open).toBeLessThanOrEqual(POOL + CONNECTIONS_BESIDE);
    // One that is on its way out may meet the one that takes its place.
    expect(proxy.mostOpen).toBeLessThanOrEqual(2 * (POOL + CONNECTIONS_BESIDE));
  }

  /** Until a call succeeds again; of one that leaves no lot, since an account may have so many. */
  async function recovered(): Promise<void> {
    const isItself = async () => (await call('deductCreditsAfterService', 'canary', 1)).status === 'resolved';
    await until(isItself, 'the manager recovers');
    // After a repeated key, keys are looked up beforehand for a while: the trap is for the commit, not for that read.
    for (let batch = 0; batch < LOOKUP_BATCHES; batch++) await call('deductCreditsAfterService', 'canary', 1);
  }

  const count = (loses: Trap['loses']) => {
    totals[loses === 'answer' ? 'lostAnswers' : loses === 'request' ? 'lostRequests' : 'late']++;
  };

  test.each(LOSSES)('one lost: %s. Each verb answers the truth, and is applied once', (loses) =>
    judged(
      `one-${loses}`,
      async (journal) => {
        let met = 0;
        // Some calls are refused and spring nothing; which ones depends on what came before.
        for (let round = 0; round < ROUNDS || met < 6 * ROUNDS; round++) {
          expect(round).toBeLessThan(10 * ROUNDS);
          for (const verb of VERBS) {
            let sprung: Promise<void> | undefined;
            await journal.call(directCall, 'reserveCredits');
            const one = await journal.call(patientCall, verb, (marker) => {
              sprung = new Promise((resolve) => {
                const trap = { marker, decides: true, loses, lateMs: 100, sprung: resolve };
                // What is refused says so without its tag, and springs nothing.
                proxy.traps.splice(0, 1, trap);
              });
            });
            if (one.names[0] !== 'resolved' || one.claim === 'replayed') continue;
            // Before the call could be answered.
            expect(proxy.traps, `${one.tag} was not met`).toEqual([]);
            await sprung;
            count(loses);
            met++;
          }
        }
      },
      // The network works again at once: every call finds out what became of it. A verb on a hold of another process
      // reads first, and a read on a connection that just broke is answered as not applied.
      ['STORAGE_UNAVAILABLE'],
    ),
  );

  test.each(LOSSES)('lost: %s, and the network stays away beyond the deadline: unknown, with a key', (loses) =>
    judged(`away-${loses}`, async (journal) => {
      for (let round = 0, tries = 0; round < ROUNDS; tries++) {
        let trap: Trap | undefined;
        const calls = VERBS.map((verb, i) =>
          journal.call(call, verb, (marker) => {
            const sprung = () => {
              count(loses);
              if (loses !== 'late') proxy.down();
            };
            if (i > 0) return;
            trap = { marker, decides: true, loses, lateMs: TIMEOUT_MS + 300, sprung };
            proxy.traps.splice(0, 1, trap);
          }),
        );
        // What is late is not told of the others: the network goes away with it.
        if (loses === 'late') {
          let isOver = false;
          void calls[0]!.then(() => {
            isOver = true;
          });
          await until(() => isOver || proxy.traps.length === 0, 'the call is met or answered');
          proxy.down();
        }
        const first = await calls[0]!;
        await Promise.all(calls);
        // On a machine that is very busy the deadline may come before the commit is sent.
        if (trap && !proxy.traps.includes(trap)) {
          expect(first.names).toEqual(['OUTCOME_UNKNOWN']);
          expect(first.key).toMatch(/./);
          round++;
        }
        expect(tries).toBeLessThan(20 + ROUNDS);
        proxy.heal();
        await recovered();
        totals.settled += await journal.settle(directCall, call);
        if (loses === 'late') await sleep(400);
        // Settling repeats keys.
        await recovered();
      }
    }),
  );

  test(`${CUTS} cuts of every connection under load`, () =>
    judged('cuts', async (journal) => {
      let isOver = false;
      const load = journal.load(call, 24, () => isOver);
      for (let cut = 0; cut < CUTS; cut++) {
        const { answered } = journal;
        await sleep(20 + journal.random() * 60);
        await until(() => journal.answered > answered, 'a call succeeds between two cuts');
        proxy.cut();
      }
      await sleep(100);
      isOver = true;
      await load;
      expect(journal.tally.resolved).toBeGreaterThan(CUTS / 4);
    }));

  test('answers lost at random under load', () =>
    judged('losses', async (journal) => {
      let met = 0;
      const sprungBy = (loses: Trap['loses']) => () => {
        met++;
        count(loses);
      };
      const slot = async () => {
        for (let made = 0; made < 2 * CUTS; made++) {
          const loses = journal.random() < 0.25 ? LOSSES[Math.floor(journal.random() * 3)]! : null;
          const trap = (marker: string) =>
            loses && proxy.traps.push({ marker, loses, lateMs: journal.random() * 300, sprung: sprungBy(loses) });
          await journal.call(call, undefined, trap);
        }
      };
      await Promise.all(Array.from({ length: 16 }, slot));
      await sleep(400);
      expect(met).toBeGreaterThan(CUTS / 4);
    }));

  test('a network that freezes under load: every call ends by its deadline, and what is late changes nothing', () =>
    judged('freeze', async (journal) => {
      for (let round = 0; round < ROUNDS; round++) {
        let isOver = false;
        const load = journal.load(call, 16, () => isOver);
        await sleep(150);
        proxy.freeze();
        await sleep(TIMEOUT_MS + 300 + journal.random() * 300);
        proxy.thaw();
        await recovered();
        await sleep(100);
        isOver = true;
        await load;
      }
      // Which of them a call hears depends on whether its commit had left.
      const { OUTCOME_UNKNOWN = 0, TIMEOUT = 0, STORAGE_UNAVAILABLE = 0 } = journal.tally;
      expect(OUTCOME_UNKNOWN + TIMEOUT + STORAGE_UNAVAILABLE).toBeGreaterThan(0);
    }));

  test('a network that flaps', () =>
    judged('flap', async (journal) => {
      let isOver = false;
      const load = journal.load(call, 16, () => isOver);
      for (let flap = 0; flap < 4 * ROUNDS; flap++) {
        await sleep(150);
        proxy.down();
        await sleep(150);
        proxy.up();
      }
      isOver = true;
      await load;
    }));

  test('a slow network slows calls and refuses none; one slower than the deadline is told so in time', () =>
    judged('slow', async (journal) => {
      let isOver = false;
      proxy.delayMs = SLOW_MS;
      const load = journal.load(patientCall, 4, () => isOver);
      await until(() => journal.answered > 20, 'calls on a slow network succeed');
      isOver = true;
      await load;
      expect(journal.surprises()).toEqual([]);
      proxy.delayMs = TIMEOUT_MS;
      await Promise.all(VERBS.map((verb) => journal.call(call, verb)));
      await sleep(TIMEOUT_MS);
    }));

  test.each(['down', 'freeze'] as const)('a manager whose first call meets a network that is in state: %s', (state) =>
    judged(`start-${state}`, async (journal) => {
      proxy[state]();
      const late = openManager(config);
      await journal.call(localCaller(late), 'addCredits');
      proxy.up();
      proxy.thaw();
      const isItself = async () => (await journal.call(localCaller(late), 'deductCredits')).names[0] === 'resolved';
      await until(isItself, 'the late manager works');
      await late.close();
    }),
  );

  test('after all of it the whole ledger verifies', async () => {
    expect((await direct.ledger.verify()).problems).toEqual([]);
  });
});
