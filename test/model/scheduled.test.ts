/**
 * Calls made at once, on two instances of the library over one store whose every call is suspended and resumed in
 * random order by fast-check's scheduler. After each group some order of its calls must explain every answer, refusals
 * and reads included, and leave exactly what is stored: that order is the witness of linearizability (rule 23).
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { amount } from '../support/amounts.js';
import { Chance, SEED, settingOf } from '../support/chance.js';
import { auditUser } from './audit.js';
import { compareBalance } from './cached.js';
import { compareInfo, compareOutcome, type Differences } from './compare.js';
import { Happened } from './happened.js';
import { auditFile, auditLedger } from './ledger-audit.js';
import { type Answer, Library } from './library.js';
import { Oracle } from './oracle.js';
import type { Call } from './oracle-call.js';
import { infoOf, MICRO } from './oracle-state.js';
import { Disagreement, START, show, withFile } from './sequence.js';
import { at, configOf, type Raw, resolve, swarm } from './steps.js';

const RUNS = amount('CREDIT_SCHEDULED_RUNS');
const COMMANDS = 15;

type Member = { call: Call; turn: number } | { read: string; turn: number };
type Reply = { answer: Answer } | { info: unknown };

/** The calls of one group, settled against what is known before it starts. */
function gather(raws: readonly Raw[], oracle: Oracle, library: Library, made: Call[], users: string[], seed: number) {
  const members: Member[] = [];
  const holding = ['reserve', 'commit', 'commit', 'release', 'reverse'] as const;
  const kinds = [
    ...swarm(seed, { without: ['clock', 'restart', 'join', 'retryOther'] }),
    ...holding.flatMap((op) => Array<typeof op>(9).fill(op)),
  ];
  for (const raw of raws) {
    const last = made[made.length - 1];
    const turn = raw.d;
    if (raw.key % 6 === 5) {
      members.push({ read: at(users, raw.user), turn });
    } else if (raw.key % 6 === 4 && last?.key && members.length > 0) {
      members.push({ call: last, turn }); // the same key twice in flight
    } else {
      const label = `c${made.length}`;
      const attack = raw.key % 3 === 0 && members.length > 0 ? rivalOf(last, raw, label) : null;
      const step = resolve(kinds, raw, {
        oracle,
        users,
        accounts: users,
        made,
        clockNow: library.clockNow,
        label,
        large: false,
      });
      const other: Call = { op: 'deduct', label, key: null, user: at(users, raw.user), amount: MICRO };
      const call = settle(attack ?? (step?.step === 'call' ? step.call : other), made);
      made.push(call);
      members.push({ call, turn });
    }
  }
  return members;
}

/** Another call that wants to end the same hold, or to undo the same entry. */
function rivalOf(call: Call | undefined, raw: Raw, label: string): Call | null {
  if (call?.op === 'reverse') return { ...call, label, key: null };
  if (call?.op !== 'commit' && call?.op !== 'release') return null;
  const { hold } = call;
  if (raw.b % 3 === 0) return { op: 'release', label, key: null, hold };
  return { op: 'commit', label, key: null, hold, amount: at([MICRO, 1n, 2n * MICRO], raw.a), final: raw.a % 4 !== 0 };
}

/** Leaves out what the rules say nothing about, whatever state the call will meet. */
function settle(call: Call, made: readonly Call[]): Call {
  if (call.op === 'create') return { ...call, overdraftLimit: call.overdraftLimit ?? 0n };
  if (call.op === 'reserve') {
    // Two calls of one key make one hold, known by the label of either: they must share it.
    const twin = made.find((one) => one.op === 'reserve' && one.user === call.user && call.key && one.key === call.key);
    return twin ? { ...call, label: twin.label } : call;
  }
  if (call.op !== 'commit') return call;
  const { ifExpired: _ifExpired, ...plain } = call;
  if (call.final === false) return { ...plain, amount: call.amount || MICRO };
  return call.amount === undefined || call.amount === 0n ? plain : call;
}

/** Something to fight for: credits and a hold on every account. */
function warmUp(users: readonly string[]): Call[] {
  return users.flatMap((user): Call[] => [
    { op: 'add', label: `w-${user}`, key: null, user, amount: 50n * MICRO },
    { op: 'reserve', label: `h-${user}`, key: null, user, amount: 10n * MICRO, ttlSeconds: 86_400 },
  ]);
}

async function perform(member: Member, library: Library): Promise<Reply> {
  if ('call' in member) return { answer: await library.perform(member.call, member.turn) };
  const info = library.service(member.turn).getUserCreditsInfo(member.read, { fresh: true });
  // Another may be answered from the cache, or bring into it what has just become old.
  if (library.cache) await library.service(member.turn + 1).getUserCreditsInfo(member.read);
  return { info: await info };
}

/** The differences of one order of the calls, on a copy of the oracle that is handed back. */
function explain(
  order: readonly number[],
  members: readonly Member[],
  replies: readonly Reply[],
  before: Oracle,
  library: Library,
) {
  const oracle = before.copy();
  const differences: Differences = [];
  for (const index of order) {
    const member = members[index];
    const reply = replies[index];
    if (!member || !reply) continue;
    if ('read' in member && 'info' in reply) {
      const { account, now } = oracle.read(member.read, library.clockNow);
      differences.push(...compareInfo(member.read, infoOf(account), now, reply.info));
    } else if ('call' in member && 'answer' in reply) {
      const expected = oracle.decide(member.call, library.clockNow);
      differences.push(...compareOutcome(expected, reply.answer, member.call, library));
    }
    if (differences.length > 0) break;
  }
  return { oracle, differences };
}

function permutations(size: number): number[][] {
  if (size === 0) return [[]];
  return permutations(size - 1).flatMap((rest) =>
    Array.from({ length: size }, (_, place) => [...rest.slice(0, place), size - 1, ...rest.slice(place)]),
  );
}

async function witness(
  members: readonly Member[],
  replies: readonly Reply[],
  before: Oracle,
  library: Library,
  users: readonly string[],
): Promise<{ oracle: Oracle; order: readonly number[] }> {
  const complaints: string[] = [];
  for (const order of permutations(members.length)) {
    const { oracle, differences } = explain(order, members, replies, before, library);
    for (const user of users) {
      if (differences.length > 0) break;
      // An order that is not the real one may lack a lot the store has: that speaks against the order alone.
      const audit = auditUser(library, oracle, user, order[0] ?? 0).catch((error) => [String(error)]);
      differences.push(...(await audit));
    }
    if (differences.length === 0) return { oracle, order };
    complaints.push(`${order.join(' ')}: ${differences[0]}`);
  }
  throw new Disagreement(['no order explains the answers', ...complaints].join('\n'));
}

async function runScheduled(
  scheduler: fc.Scheduler,
  seed: number,
  raws: readonly Raw[],
  filePath: string | null,
  happened: Happened,
) {
  let suspending = true;
  const config = configOf(seed);
  const suspend = async () => {
    if (suspending) await scheduler.schedule(Promise.resolve(), 'store');
  };
  const { cached, pipeline } = settingOf(seed);
  const about = `config ${show({ ...config, pipeline })}`;
  const library = new Library(config, START, { suspend, cached, filePath, pipeline });
  library.join();
  let oracle = new Oracle(config);
  const users = seed % 2 === 0 ? ['ada'] : ['ada', 'bob'];
  const made: Call[] = [];
  const log: string[] = [];
  happened.count('sequences');
  suspending = false;
  for (const call of warmUp(users)) {
    const expected = oracle.decide(call, library.clockNow);
    const answer = await library.perform(call, 0);
    await library.learn(answer);
    const differences = compareOutcome(expected, answer, call, library);
    if (differences.length > 0) throw new Disagreement([about, ...differences].join('\n'));
    made.push(call);
  }
  for (let start = 0; start < raws.length; ) {
    const size = 2 + ((raws[start]?.c ?? 0) % 3);
    const members = gather(raws.slice(start, start + size), oracle, library, made, users, seed);
    start += size;
    library.clockNow += [0, 1, 1000, 60_000, 900_000][(size * start) % 5] ?? 0;
    suspending = true;
    const replies = await scheduler.waitFor(Promise.all(members.map((member) => perform(member, library))));
    suspending = false;
    log.push(
      `group at +${library.clockNow - START} ms`,
      ...members.map((member, i) => `  ${show(member)} → ${short(replies[i])}`),
    );
    for (const reply of replies) if ('answer' in reply) await library.learn(reply.answer);
    happened.count('groups');
    happened.count('commands', members.length);
    try {
      const found = await witness(members, replies, oracle, library, users);
      if (found.order.some((index, place) => index !== place)) happened.count('out of order');
      countGroup(found.order, members, oracle, library, happened);
      oracle = found.oracle;
      const stale = await compareCached(library, oracle, users);
      if (stale.length > 0) throw new Disagreement(stale.join('\n'));
    } catch (error) {
      if (error instanceof Disagreement) throw new Disagreement([about, ...log, error.message].join('\n'));
      throw error;
    }
  }
  const ledgered = { oracle, library, users, happened, latestClock: library.clockNow };
  const chance = new Chance(seed);
  const differences = [...(await auditLedger(ledgered, chance)), ...(await auditFile(ledgered, chance))];
  if (differences.length > 0) throw new Disagreement([about, ...log, ...differences].join('\n'));
  await library.close();
  if (library.cache) happened.count('sequences with a cache');
  happened.count('balances from the cache', library.cache?.hits ?? 0);
  happened.count('store conflicts', library.storeConflicts);
}

/** When nothing is in flight any more, the cache has what was committed last, whoever read meanwhile. */
async function compareCached(library: Library, oracle: Oracle, users: readonly string[]): Promise<Differences> {
  if (!library.cache) return [];
  const found: Differences = [];
  for (const user of users) {
    const { account, now } = oracle.read(user, library.clockNow);
    for (const turn of [0, 1]) found.push(...(await compareBalance(library, user, infoOf(account), now, turn)));
  }
  return found;
}

function short(reply: Reply | undefined): string {
  if (!reply || !('answer' in reply)) return show(reply);
  const { answer } = reply;
  if (answer.status === 'refused') return answer.code;
  return answer.status + ('replayed' in answer && answer.replayed ? ' replayed' : '');
}

function countGroup(
  order: readonly number[],
  members: readonly Member[],
  before: Oracle,
  library: Library,
  happened: Happened,
) {
  const oracle = before.copy();
  for (const index of order) {
    const member = members[index];
    if (!member) continue;
    if ('call' in member) happened.countOutcome(member.call, oracle.decide(member.call, library.clockNow));
    else happened.count('reads');
  }
}

const nat = fc.nat({ max: 9999 });
const raw = fc.record({ kind: nat, user: nat, a: nat, b: nat, c: nat, d: nat, key: nat });

/** For 200 runs, other counts in proportion. Each is about a third of what runs have shown. */
const FLOORS: Readonly<Record<string, number>> = {
  commands: 2900,
  groups: 900,
  'out of order': 250,
  'store conflicts': 130,
  reads: 150,
  'applied add': 60,
  'applied commit': 70,
  'applied deduct': 50,
  'applied release': 40,
  'applied reserve': 70,
  'applied reverse': 60,
  'applied transfer': 5,
  'refused ALREADY_REVERSED': 30,
  'refused INSUFFICIENT_CREDITS': 35,
  'refused RESERVATION_NOT_ACTIVE': 120,
  'replayed commit': 8,
  'replayed release': 30,
  'replayed reserve': 8,
  'sequences with a cache': 20,
  'balances from the cache': 300,
  'ledgers verified': 25,
  'files of several instances': 2,
  'lines compared': 40,
};

test(`${RUNS} sequences of concurrent calls are linearizable on a store suspended at random`, async () => {
  console.log(`SEED=${SEED} ADAPTER=memory SCHEDULED=${RUNS}`);
  const happened = new Happened();
  const raws = fc.array(raw, { minLength: COMMANDS, maxLength: COMMANDS, size: 'max' });
  const property = fc.asyncProperty(fc.scheduler(), fc.nat({ max: 2 ** 30 }), raws, (scheduler, seed, steps) =>
    withFile(settingOf(seed).filed, (filePath) => runScheduled(scheduler, seed, steps, filePath, happened)),
  );
  await fc.assert(property, { seed: SEED, numRuns: RUNS, unbiased: true });
  console.log(`happened: ${happened}`);
  expect(happened.below(FLOORS, RUNS / 200)).toEqual([]);
});
