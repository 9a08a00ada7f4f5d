/** Makes random calls, keeps every answer, asks again where one is missing, and judges all by what is stored. */
import type { EntryRow } from '../../src/models/entry.js';
import type { Manager } from '../backends/open-adapter.js';
import { type Answer, type Caller, isReplay, nameOf, type Verb } from './answers.js';
import { audit, rowsBy } from './audit.js';
import { randomSource } from './chaos.js';
import { sleep } from './wait.js';

type Claim = 'applied' | 'replayed' | 'not_applied' | 'unknown';

export interface Call {
  /** Stands in the description of all its entries. */
  readonly tag: string;
  readonly verb: Verb;
  readonly args: readonly unknown[];
  /** The caller's own key, or the one that the answer named. */
  key: string | null;
  claim: Claim;
  /** Its answers, the retries' too. */
  readonly names: string[];
  /** Of the first answer; null when there was none. */
  ms: number | null;
  /** What the first answer said was done. */
  entryId: string | null;
}

/** Every verb that a journal calls. */
export const VERBS: readonly Verb[] = [
  'addCredits',
  'deductCredits',
  'deductCreditsAfterService',
  'transferCredits',
  'reserveCredits',
  'commitReservedCredits',
  'releaseReservedCredits',
  'reverseTransaction',
  'updateAccount',
  'updateGrant',
  'voidGrant',
];
const REFUSALS = ['RESERVATION_NOT_ACTIVE', 'COMMIT_EXCEEDS_RESERVATION', 'ALREADY_REVERSED', 'INSUFFICIENT_CREDITS'];
const HOLD_VERBS: readonly Verb[] = ['commitReservedCredits', 'releaseReservedCredits'];
const FUNDS = 1_000_000;

export class Journal {
  readonly random: () => number;
  readonly calls: Call[] = [];
  readonly users: readonly string[];
  readonly #name: string;
  readonly #holds: string[] = [];
  readonly #entries: string[] = [];
  /** Grants that are never used up. */
  readonly #grants: string[] = [];

  /** @param name part of the users' names and the tags, so that several share a database. */
  constructor(name: string, seed: number, users = 4) {
    this.#name = name;
    this.random = randomSource(seed);
    this.users = Array.from({ length: users }, (_, i) => `${name}-${i}`);
  }

  /** Gives everybody credits, holds and entries to work on. */
  async prepare(call: Caller): Promise<void> {
    const value = async (verb: Verb, ...args: unknown[]) => {
      const answer = await call(verb, ...args);
      if (answer.status !== 'resolved') throw new Error(`${verb}: ${nameOf(answer)}`);
      return answer.value as { id: string; grantId: string };
    };
    for (const user of this.users) {
      this.#grants.push((await value('addCredits', user, FUNDS, { description: 'start' })).grantId);
      for (let i = 0; i < 3; i++) this.#holds.push((await value('reserveCredits', user, 5)).id);
      for (let i = 0; i < 3; i++) this.#entries.push((await value('deductCredits', user, 2)).id);
    }
  }

  /** One random call; `verb` narrows the choice, `before` is told its tag. Some repeat an earlier one with its key. */
  async call(caller: Caller, verb?: Verb, before?: (tag: string) => void): Promise<Call> {
    const earlier = this.#pick(this.calls.slice(-50));
    const repeats = verb === undefined && this.random() < 0.1 && earlier?.key === earlier?.tag ? earlier : undefined;
    const call = repeats ? this.#made(repeats.tag, repeats.verb, repeats.args, repeats.tag) : this.#choose(verb);
    this.calls.push(call);
    before?.(call.tag);
    const answer = await caller(call.verb, ...call.args);
    // A test that failed has closed its managers; what it left running must not go on for ever.
    if (nameOf(answer) === 'CLOSED') throw new Error('The manager is closed.');
    if (answer.status !== 'lost') call.ms = answer.ms;
    this.#judge(call, answer);
    if (answer.status === 'resolved') {
      this.answered++;
      this.#remember(call, answer.value);
    }
    if (HOLD_VERBS.includes(call.verb) && this.random() < 0.8) this.#forget(call, nameOf(answer));
    return call;
  }

  /** Calls until `isOver` answers true, `width` at a time. */
  async load(caller: Caller, width: number, isOver: () => boolean): Promise<void> {
    const slot = async () => {
      while (!isOver()) {
        const [name] = (await this.call(caller)).names;
        if (name === 'lost') return;
        // Whoever is refused at once asks again, but not for a whole processor.
        if (name === 'STORAGE_UNAVAILABLE') await sleep(20);
      }
    };
    await Promise.all(Array.from({ length: width }, slot));
  }

  /** The calls of which nobody knows what became of them, and which have a key. */
  get unsettled(): Call[] {
    return this.calls.filter((call) => call.claim === 'unknown' && call.key !== null);
  }

  /** Asks again under the keys of what is unknown, by two callers at once. Answers how many were asked for. */
  async settle(one: Caller, other: Caller, calls = this.unsettled): Promise<number> {
    await Promise.all(calls.map((call) => this.#settle(call, one, other)));
    return calls.length;
  }

  async #settle(call: Call, one: Caller, other: Caller): Promise<void> {
    const args = [...call.args];
    args[args.length - 1] = { ...(args.at(-1) as object), idempotencyKey: call.key };
    const twin = this.#made(call.tag, call.verb, call.args, call.key);
    const answers = await Promise.all([one(call.verb, ...args), other(call.verb, ...args)]);
    this.#judge(call, answers[0]);
    this.#judge(twin, answers[1]);
    if (call.claim !== 'applied' && twin.claim === 'applied') call.claim = 'applied';
    else if (twin.claim === 'applied') this.calls.push(twin);
    call.names.push(...twin.names);
  }

  /** Calls whose first answer was a result. */
  answered = 0;

  /** First answers by name. */
  get tally(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { names } of this.calls) counts[String(names[0])] = (counts[String(names[0])] ?? 0) + 1;
    return counts;
  }

  /** The slowest of the first answers. */
  get slowest(): number {
    return this.calls.reduce((most, { ms }) => Math.max(most, ms ?? 0), 0);
  }

  /** First answers that are neither a result nor a refusal that the calls themselves explain, nor in `expected`. */
  surprises(expected: readonly string[] = []): string[] {
    const fine = ['resolved', 'lost', ...REFUSALS, ...expected];
    return this.calls
      .filter(({ names }) => !fine.includes(String(names[0])))
      .map(({ tag, names }) => `${tag}: ${names}`);
  }

  /** What is stored against what was answered, the raw rows against their own sums, and the library's own audit. */
  async problems(manager: Manager): Promise<string[]> {
    const problems: string[] = [];
    const operations = new Map<string, Set<string>>();
    const ids = new Set<string>();
    for (const user of this.users) {
      const account = `credits/${user}`;
      problems.push(...(await audit(manager.db, account)));
      const entries = (await rowsBy(manager.db, 'entry', 'history', { account })) as unknown as EntryRow[];
      for (const { id, description, operationId, eventType } of entries) {
        if (description === null || eventType !== 'transaction') continue;
        ids.add(id);
        operations.set(description, (operations.get(description) ?? new Set()).add(operationId));
      }
      const report = await manager.ledger.verify({ userId: user });
      problems.push(...report.problems.map((problem) => `verify: ${JSON.stringify(problem)}`));
    }
    const byTag = new Map<string, Call[]>();
    for (const call of this.calls) byTag.set(call.tag, [...(byTag.get(call.tag) ?? []), call]);
    for (const [tag, calls] of byTag) {
      const said = `${calls.map((call) => `${call.claim} (${call.names})`).join(', ')}`;
      const effects = operations.get(tag)?.size ?? 0;
      const [least, most] = bounds(calls);
      if (effects < least || effects > most) problems.push(`${tag}: ${effects} effects, answers: ${said}`);
      for (const { entryId, claim } of calls) {
        if (claim === 'applied' && entryId !== null && !ids.has(entryId)) problems.push(`${tag}: ${entryId} is lost`);
      }
      if (calls.filter(({ claim }) => claim === 'applied').length > 1) problems.push(`${tag}: applied twice: ${said}`);
    }
    for (const tag of operations.keys()) {
      if (tag !== 'start' && !byTag.has(tag)) problems.push(`${tag}: nobody called it`);
    }
    return problems;
  }

  #judge(call: Call, answer: Answer): void {
    call.names.push(nameOf(answer));
    if (answer.status === 'resolved') call.claim = isReplay(answer.value) ? 'replayed' : 'applied';
    else if (answer.status === 'lost') call.claim = 'unknown';
    else {
      // Whoever got no answer before is told of this attempt only by an outage; a refusal speaks of the key as well.
      const isFirst = call.names.length === 1;
      if (answer.outcome === 'unknown') call.claim = 'unknown';
      else if (isFirst || REFUSALS.includes(answer.code)) call.claim = 'not_applied';
      call.key ??= answer.retryKey;
    }
  }

  #remember(call: Call, value: unknown): void {
    const result = value as { id?: string; out?: { id: string } };
    const id = result.out?.id ?? result.id ?? null;
    if (call.verb === 'reserveCredits' && id) this.#holds.push(id);
    else if (call.verb !== 'releaseReservedCredits' && call.verb !== 'updateAccount') call.entryId = id;
    if (call.verb === 'deductCredits' && id) this.#entries.push(id);
  }

  /** A hold that has ended; some are kept, to be asked for again. */
  #forget({ args }: Call, name: string): void {
    const at = this.#holds.indexOf(args[0] as string);
    const isOpen = name !== 'RESERVATION_NOT_ACTIVE' && (args[1] as { final?: boolean }).final === false;
    if (at >= 0 && !isOpen && this.#holds.length > 1) this.#holds.splice(at, 1);
  }

  #made(tag: string, verb: Verb, args: readonly unknown[], key: string | null): Call {
    return { tag, verb, args, key, claim: 'unknown', names: [], ms: null, entryId: null };
  }

  #choose(wanted?: Verb): Call {
    const user = this.#pick(this.users) as string;
    const other = this.#pick(this.users.filter((each) => each !== user)) as string;
    const hold = this.#pick(this.#holds.slice(-20));
    const entry = this.#pick(this.#entries.slice(-20));
    const grant = this.#pick(this.#grants);
    const n = 1 + Math.floor(this.random() * 9);
    const choices: [Verb, unknown[], object?][] = [
      ['addCredits', [user, n]],
      ['deductCredits', [user, n]],
      ['deductCredits', [user, n], { from: { sources: ['other'] } }],
      ['deductCreditsAfterService', [user, n]],
      ['transferCredits', [{ from: user, to: other, amount: n }]],
      ['reserveCredits', [user, n]],
      ['commitReservedCredits', [hold], { amount: 1, final: false }],
      ['commitReservedCredits', [hold], { amount: n, overage: 'charge' }],
      ['releaseReservedCredits', [hold]],
      ['reverseTransaction', [entry], { amount: 1 }],
      ['updateGrant', [grant, { priority: n }]],
      ['voidGrant', [grant], { amount: 1, actor: 'auditor', reason: 'granted twice' }],
      ['updateAccount', [user], { overdraftLimit: FUNDS + this.calls.length }],
    ];
    const [verb, args, more] = this.#pick(choices.filter(([each]) => (wanted ?? each) === each))!;
    const tag = `${this.#name} ${verb} ${this.calls.length}.`;
    const key = this.random() < 0.6 ? tag : null;
    const options = { ...more, description: tag, ...(key !== null && { idempotencyKey: key }) };
    return this.#made(tag, verb, [...args, options], key);
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.random() * from.length)];
  }
}

/** How many effects the answers to one tag allow. */
function bounds(calls: readonly Call[]): [least: number, most: number] {
  const claims = calls.map(({ claim }) => claim);
  if (claims.includes('applied')) return [1, 1];
  // The same final call on a hold replays another call's result.
  if (claims.includes('replayed')) return [HOLD_VERBS.includes(calls[0]!.verb) ? 0 : 1, 1];
  return [0, claims.includes('unknown') ? 1 : 0];
}
