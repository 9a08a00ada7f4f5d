/** A store that fails at random while several processes work on it; every answer is kept, to be judged in the end. */
import {
  type CreditManagement,
  createCreditManagement,
  InMemoryDbManager,
  isCreditError,
  type MemorySession,
} from '../../src/index.js';
import type { EntryRow } from '../../src/models/entry.js';
import { type Fate, FaultyDb } from '../backends/faulty-db.js';
import { audit, rowsBy } from './audit.js';
import { settingOf } from './chance.js';
import type { Service } from './fault-world.js';
import { QUIET } from './quiet.js';

/** Repeats by seed. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Call {
  /** Stands in the description of all its entries. */
  readonly tag: string;
  readonly key: string | undefined;
  readonly run: (credits: Service, options: CallOptions) => Promise<unknown>;
  /** Whom a transfer is for. */
  readonly other: string;
  claim: 'applied' | 'replayed' | 'not_applied' | 'unknown';
  code: string;
  retryKey: string | undefined;
}

type CallOptions = {
  idempotencyKey?: string | undefined;
  timeoutMs?: number;
  signal?: AbortSignal;
  description: string;
};

/** So few that all wait for the same, or so many that most wait for nobody. */
const USERS = [3, 12].map((count) => Array.from({ length: count }, (_, i) => `user-${i}`)) as [string[], string[]];
export class Chaos {
  readonly random: () => number;
  readonly db: FaultyDb;
  readonly calls: Call[] = [];
  readonly managers: CreditManagement<MemorySession>[];
  readonly #users: string[];
  #stormy = 0;
  #holds: string[] = [];
  #entries: string[] = [];

  constructor(seed: number) {
    this.random = randomSource(seed);
    this.#users = this.random() < 0.5 ? USERS[0] : USERS[1];
    const ticks = () => Math.floor(this.random() * 3);
    const suspend = () =>
      new Promise<void>((resolve) => {
        let left = ticks();
        const next = () => (left-- > 0 ? setImmediate(next) : resolve());
        setImmediate(next);
      });
    this.db = new FaultyDb(new InMemoryDbManager({ suspend }));
    const { pipeline } = settingOf(seed);
    this.managers = [0, 1, 2].map(() => createCreditManagement({ db: this.db, logger: QUIET, pipeline }));
  }

  async prepare(): Promise<void> {
    for (const manager of this.managers) await manager.init();
    const { credits } = this.managers[0]!;
    for (const user of this.#users) await credits.addCredits(user, 200, { description: 'start' });
    for (let i = 0; i < 12; i++) this.#holds.push((await credits.reserveCredits(this.#user(), 5)).id);
    for (let i = 0; i < 12; i++) this.#entries.push((await credits.deductCredits(this.#user(), 2)).id);
  }

  /** Storms of faults and calm; what is late lands whenever it likes. */
  arm(): void {
    this.#stormy = 0.03 + this.random() * 0.15;
    const fates: (Fate | null)[] = ['refused', 'lost', 'late', 'late', 'lost'];
    const fateOf = () =>
      this.random() < this.#stormy ? (fates[Math.floor(this.random() * fates.length)] ?? null) : null;
    const landings = ['after_account_read', 'after_entry_read', 'before_next_commit', 'after_next_commit'] as const;
    const { random } = this;
    this.db.arm({
      fateOf,
      plain: false,
      get landing() {
        return random() < 0.5 ? ('at_the_end' as const) : landings[Math.floor(random() * landings.length)]!;
      },
    });
    for (let i = 0; i < 30; i++) this.db.lies.push(random() < 0.5 ? 'conflict' : 'locked');
  }

  /** Starts one random call on a random process; now and then its caller goes on the moment it is answered. */
  async call(): Promise<void> {
    const credits = this.#credits();
    let user: string | undefined;
    do {
      const call = this.#choose(undefined, user);
      user = call.other;
      this.calls.push(call);
      const abort = new AbortController();
      if (this.random() < 0.1) setImmediate(() => abort.abort());
      const timeoutMs = this.random() < 0.2 ? 15 : 400;
      const options = { idempotencyKey: call.key, timeoutMs, signal: abort.signal, description: call.tag };
      await this.#judge(call, call.run(credits, options));
    } while (this.random() < 0.4);
  }

  /** A host's transaction of two calls that commits or rolls back; as one call with one claim. */
  async transaction(): Promise<void> {
    const call = this.#choose('transaction');
    const { credits } = this.managers[0]!;
    const mayCommit = this.random() < 0.5;
    const [one, other] = [this.#user(), this.#user()];
    const work = this.db.inner.transaction(async (session) => {
      const options = { session, timeoutMs: 200, description: call.tag };
      await credits.addCredits(one, 3, options);
      await credits.deductCredits(other, 1, options);
      if (!mayCommit) throw new Error('rolled back');
    });
    // Nothing of it fails but what throws inside, so its outcome is known.
    this.calls.push(call);
    await work.then(
      () => {
        call.claim = 'applied';
      },
      () => {
        call.claim = 'not_applied';
      },
    );
  }

  /** Heals the store, lets everything land, asks again for what is unknown. */
  async settle(): Promise<void> {
    this.db.heal();
    this.db.lies = [];
    if (this.random() < 0.5) await this.db.land();
    for (const call of this.calls) {
      if (call.claim !== 'unknown') continue;
      const options = { idempotencyKey: call.retryKey, description: call.tag };
      // Hosts retry more than once, and at once.
      const credits = this.#credits();
      const twin: Call = { ...call };
      await Promise.all([call, twin].map((one) => this.#judge(one, call.run(credits, options))));
      const claims: string[] = [call.claim, twin.claim];
      if (claims.includes('unknown')) throw new Error(`${call.tag} is unknown on a store that answers`);
      if (claims[0] === 'applied' && claims[1] === 'applied') throw new Error(`${call.tag} was applied twice`);
      if (twin.claim === 'applied') call.claim = 'applied';
    }
    await this.db.land();
  }

  /** A store that answers serves everybody: calls at once that fill batches, and what their callers do next. */
  async calm(): Promise<string[]> {
    const first = this.calls.length;
    const serve = async (credits: Service) => {
      let user = this.#user();
      for (const only of ['transfer', 'add']) {
        const call = this.#choose(undefined, user, only);
        this.calls.push(call);
        const options = { idempotencyKey: call.key, description: call.tag, timeoutMs: 5_000 };
        await this.#judge(call, call.run(credits, options));
        user = call.other;
      }
    };
    await Promise.all(this.managers.flatMap(({ credits }) => Array.from({ length: 8 }, () => serve(credits))));
    const kept = this.calls.slice(first).filter(({ code }) => code !== 'resolved' && code !== 'INSUFFICIENT_CREDITS');
    return kept.map(({ tag, code }) => `${tag}: ${code} on a store that answers`);
  }

  /** Everything that is stored and everything that was claimed, side by side. */
  async problems(): Promise<string[]> {
    const problems: string[] = [];
    const operations = new Map<string, Set<string>>();
    for (const user of this.#users) {
      const key = `credits/${user}`;
      problems.push(...(await audit(this.db.inner, key)));
      const entries = (await rowsBy(this.db.inner, 'entry', 'history', { account: key })) as unknown as EntryRow[];
      for (const { description, operationId, eventType } of entries) {
        if (description === null || eventType !== 'transaction') continue;
        operations.set(description, (operations.get(description) ?? new Set()).add(operationId));
      }
    }
    const byTag = new Map<string, Call[]>();
    for (const call of this.calls) byTag.set(call.tag, [...(byTag.get(call.tag) ?? []), call]);
    for (const [tag, calls] of byTag) {
      const effects = operations.get(tag)?.size ?? 0;
      const applied = calls.filter((call) => call.claim === 'applied').length;
      const replayed = calls.filter((call) => call.claim === 'replayed').length;
      const claims = calls.map((call) => `${call.claim} ${call.code}`).join(', ');
      const wanted = tag.startsWith('transaction') ? applied * 2 : applied;
      const fine = effects === wanted || (effects === 1 && applied === 0 && replayed > 0);
      if (!fine) problems.push(`${tag}: ${effects} effects, claims: ${claims}`);
      if (applied > 1) problems.push(`${tag}: applied more than once: ${claims}`);
    }
    return problems;
  }

  #choose(kind?: string, user = this.#user(), only?: string): Call {
    const others = this.#users.filter((one) => one !== user);
    const other = others[Math.floor(this.random() * others.length)]!;
    const keyed = kind === undefined && this.random() < 0.5;
    const hold = this.#holds[Math.floor(this.random() * this.#holds.length)]!;
    const entry = this.#entries[Math.floor(this.random() * this.#entries.length)]!;
    const amount = 1 + Math.floor(this.random() * 9);
    const runs: [string, Call['run']][] = [
      ['add', (c, o) => c.addCredits(user, amount, o)],
      ['deduct', (c, o) => c.deductCredits(user, amount, o)],
      ['too much', (c, o) => c.deductCredits(user, 100_000, o)],
      ['after', (c, o) => c.deductCreditsAfterService(user, amount, o)],
      ['transfer', (c, o) => c.transferCredits({ from: user, to: other, amount }, o)],
      ['reserve', (c, o) => c.reserveCredits(user, amount, o)],
      ['part', (c, o) => c.commitReservedCredits(hold, { ...o, amount: 1, final: false })],
      ['commit', (c, o) => c.commitReservedCredits(hold, { ...o, amount: 6, overage: 'charge' })],
      ['release', (c, o) => c.releaseReservedCredits(hold, o)],
      ['reverse', (c, o) => c.reverseTransaction(entry, { ...o, amount: 1 })],
      ['from', (c, o) => c.deductCredits(user, amount, { ...o, from: { sources: ['other'] } })],
      ['update', (c, o) => c.updateAccount(user, { ...o, overdraftLimit: 1_000 + amount })],
    ];
    const possible = only === undefined ? runs : runs.filter(([name]) => name === only);
    const [name, run] = possible[Math.floor(this.random() * possible.length)]!;
    const tag = `${kind ?? name} ${this.calls.length}`;
    const key = keyed ? tag : undefined;
    const call: Call = { tag, key, run, other, claim: 'unknown', code: '', retryKey: undefined };
    const earlier = this.calls[Math.floor(this.random() * this.calls.length)];
    // Now and then somebody repeats a keyed call, possibly while the first is still on its way.
    if (!kind && !only && earlier?.key !== undefined && this.random() < 0.4)
      return { ...call, ...earlier, claim: 'unknown' };
    return call;
  }

  async #judge(call: Call, running: Promise<unknown>): Promise<void> {
    try {
      const value = await running;
      call.claim = JSON.stringify(value).includes('"replayed":true') ? 'replayed' : 'applied';
      call.code = 'resolved';
    } catch (error) {
      if (!isCreditError(error)) throw error;
      call.code = error.code;
      call.claim = error.outcome === 'unknown' ? 'unknown' : 'not_applied';
      if (error.code === 'OUTCOME_UNKNOWN') call.retryKey = error.details.idempotencyKey;
      if (error.code === 'INVARIANT_VIOLATION') throw error;
    }
  }

  #user(): string {
    return this.#users[Math.floor(this.random() * this.#users.length)]!;
  }

  #credits(): Service {
    return this.managers[Math.floor(this.random() * this.managers.length)]!.credits;
  }
}
