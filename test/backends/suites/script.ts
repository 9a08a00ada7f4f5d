/**
 * A seeded script of mixed operations on 20 users, and its transcript: every answer, refusal, event and page. Whatever
 * a step does depends on the seed and on earlier answers alone, so two databases that answer alike write the same text.
 */

import { sequenceIds, testClock } from '../../../src/entries/testing.js';
import {
  type CreditManagement,
  type CreditService,
  createCreditManagement,
  type DbManager,
  isCreditError,
} from '../../../src/index.js';
import { QUIET } from '../../support/quiet.js';
import { at, randomOf } from './random.js';

export interface Script {
  readonly seed: number;
  readonly steps: number;
  /** Where a transaction does not see what others make after it has begun, every account is made before it. */
  readonly accountsFirst: boolean;
}

type Db = DbManager<never> & { transaction: NonNullable<DbManager<never>['transaction']> };
type Manager = CreditManagement<never, 'image'>;
type Options = { session?: never };

const USERS = Array.from({ length: 20 }, (_, i) => `user-${String(i).padStart(2, '0')}`);
const AMOUNTS = [1, 2, 5, 7, 10, 25, 60, 100, '0.000001', '3.5', 12.25, 1_000];
/** Pages read of one listing in a step; the checks read all. */
const PAGES = 6;
export async function transcriptOf(given: unknown, script: Script): Promise<readonly string[]> {
  const { seed, steps, accountsFirst } = script;
  const db = given as Db;
  const player = new Player(db, seed);
  await player.init();
  if (accountsFirst) await player.makeAccounts();
  for (let step = 1; step <= steps; step++) {
    await player.step();
    if (step % Math.ceil(steps / 8) === 0) await player.check();
  }
  await player.ledger();
  return player.lines;
}

/** The text of an answer; a refusal with everything that a caller may see of it. */
async function textOf(call: Promise<unknown>): Promise<string> {
  try {
    return JSON.stringify(await call);
  } catch (error) {
    if (!isCreditError(error)) return `threw ${String(error)}`;
    const { code, message, details, retryable, outcome } = error;
    return JSON.stringify({ refused: code, message, details, retryable, outcome });
  }
}

class Player {
  readonly lines: string[] = [];
  readonly #clock = testClock('2030-01-01T00:00:00Z');
  readonly #managers: readonly Manager[];
  readonly #db: Db;
  readonly #random: (below: number) => number;
  readonly #holds: string[] = [];
  readonly #entries: string[] = [];
  readonly #keyed: ((credits: CreditService) => Promise<unknown>)[] = [];
  #keys = 0;

  constructor(db: Db, seed: number) {
    this.#db = db;
    this.#random = randomOf(seed);
    const ids = sequenceIds();
    const open = (number: number): Manager => {
      const manager = createCreditManagement<DbManager<never>, 'image'>({
        ...{ db, clock: this.#clock, ids, logger: QUIET, events: 'all' },
        creditTypes: { image: { trialCredits: 5 } },
        defaults: { overdraftLimit: 40, lowCreditThreshold: 10 },
        limits: { openGrants: 8, activeReservations: 2 },
        sinks: [{ name: 'sink', publish: async () => {} }],
      });
      manager.on('*', (event) => void this.lines.push(`  event of ${number}: ${JSON.stringify(event)}`));
      return manager;
    };
    this.#managers = [open(1), open(2)];
  }

  /** The next random element. */
  #one<T>(values: readonly T[]): T {
    return at(values, this.#random(9_973));
  }

  #chance(percent: number): boolean {
    return this.#random(100) < percent;
  }

  #service(): CreditService {
    return this.#one(this.#managers).creditType(this.#chance(12) ? 'image' : 'credits');
  }

  async init(): Promise<void> {
    for (const manager of this.#managers) await manager.init();
  }

  /** A refusal makes the account that it is of. */
  async makeAccounts(): Promise<void> {
    const [manager] = this.#managers;
    for (const type of ['credits', 'image'] as const) {
      const service = (manager as Manager).creditType(type);
      for (const user of USERS) await this.#say(`first ${user}`, service.deductCredits(user, 1_000_000));
    }
  }

  async #say(what: string, call: Promise<unknown>): Promise<void> {
    const text = await textOf(call);
    this.lines.push(`${what}: ${text}`);
  }

  async step(): Promise<void> {
    const kind = this.#random(100);
    if (kind < 12) return this.#moveClock();
    if (kind < 18) return this.#retry();
    if (kind < 24) return this.#burst();
    if (kind < 29) return this.#transaction();
    if (kind < 36) return this.#read();
    return this.#mutate(this.#service(), {});
  }

  #moveClock(): void {
    const seconds = this.#one([0.001, 1, 30, 60, 900, 3_600, 86_400, 86_400 * 3, 86_400 * 31, -5]);
    this.#clock.advance({ seconds });
    this.lines.push(`clock ${this.#clock.now().toISOString()}`);
  }

  /** A keyed call again: the same, or with another input. */
  async #retry(): Promise<void> {
    if (this.#keyed.length === 0) return;
    await this.#say('again', this.#one(this.#keyed.slice(-20))(this.#service()));
  }

  /** Calls on one account at once, which the library decides as one group. */
  async #burst(): Promise<void> {
    const [user, service] = [this.#one(USERS), this.#service()];
    const amounts = Array.from({ length: 2 + this.#random(5) }, () => this.#one(AMOUNTS));
    const calls = amounts.map((amount, i) => {
      const key = i % 2 === 0 ? { idempotencyKey: `burst-${this.#keys++}` } : {};
      if (i % 3 === 2) return service.addCredits(user, amount, key);
      return i % 3 === 1 ? service.deductCreditsAfterService(user, amount, key) : service.deductCredits(user, amount);
    });
    const texts = await Promise.all(calls.map(textOf));
    this.lines.push(`burst on ${user} ${JSON.stringify(amounts)}: ${texts.join(' | ')}`);
  }

  /** Some calls in one transaction of the database, which commits or rolls back. */
  async #transaction(): Promise<void> {
    const [service, isKept] = [this.#service(), this.#chance(60)];
    this.lines.push(`transaction that ${isKept ? 'commits' : 'rolls back'}`);
    const [holds, entries] = [this.#holds.length, this.#entries.length];
    const run = this.#db.transaction(async (session) => {
      for (let i = this.#random(4); i >= 0; i--) await this.#mutate(service, { session });
      if (!isKept) throw new Error('roll back');
    });
    await run.catch((error: Error) => {
      if (error.message !== 'roll back') throw error;
      this.#holds.length = holds;
      this.#entries.length = entries;
    });
  }

  async #mutate(service: CreditService, session: Options): Promise<void> {
    const { what, call } = this.#makeCall();
    const key = this.#chance(35) ? { idempotencyKey: `key-${this.#keys++}` } : {};
    const notes: object = this.#chance(20)
      ? { description: `note ${what}`, metadata: { n: this.#random(9) }, actor: 'ada' }
      : {};
    const options = { ...key, ...notes, ...session } as Options;
    const run = call(service, options);
    const noted = run.then((answer) => {
      const made = answer as { id?: string; status?: string; seq?: number };
      if (made.id && made.status === 'active') this.#holds.push(made.id);
      if (made.id && made.seq !== undefined) this.#entries.push(made.id);
      return answer;
    });
    const given = JSON.stringify({ ...key, ...notes });
    await this.#say(`${what} ${given}`, noted);
    if ('idempotencyKey' in key) {
      const other = this.#chance(25) ? { description: 'other' } : {};
      this.#keyed.push((credits) => call(credits, { ...key, ...notes, ...other } as Options));
    }
  }

  #makeCall(): { what: string; call: (credits: CreditService, options: Options) => Promise<unknown> } {
    const user = this.#one(USERS);
    const amount = this.#one(AMOUNTS);
    const hold = this.#one(this.#holds.slice(this.#chance(75) ? -2 : -15)) ?? 'no-hold';
    const entry = this.#one(this.#entries.slice(-25)) ?? 'no-entry';
    const now = this.#clock.now().getTime();
    const days = (count: number) => new Date(now + count * 86_400_000);
    const verb = this.#random(100);
    const made = (what: string, call: (credits: CreditService, options: Options) => Promise<unknown>) => ({
      what,
      call,
    });
    if (verb < 28) {
      const source = this.#one(['purchase', 'promo', 'trial', 'refund', undefined] as const);
      const expiresAt = this.#one([undefined, undefined, days(0.01), days(1), days(30), days(400)]);
      const effectiveAt = this.#one([undefined, undefined, undefined, days(-1), days(0.005), days(2)]);
      const priority = this.#one([undefined, 0, 10, 90]);
      const lot = { source, expiresAt, effectiveAt, priority };
      return made(`add ${user} ${amount} ${JSON.stringify(lot)}`, (c, o) =>
        c.addCredits(user, amount, { ...o, ...lot }),
      );
    }
    if (verb < 42) return made(`deduct ${user} ${amount}`, (c, o) => c.deductCredits(user, amount, o));
    if (verb < 47) return made(`after ${user} ${amount}`, (c, o) => c.deductCreditsAfterService(user, amount, o));
    if (verb < 51) {
      const reason = { actor: 'ada', reason: 'a correction' };
      const delta = this.#chance(50) ? amount : `-${amount}`;
      return made(`adjust ${user} ${delta}`, (c, o) => c.adjustCredits(user, delta, { ...o, ...reason }));
    }
    if (verb < 62) {
      const ttlSeconds = this.#one([undefined, 60, 3_600, 604_800, 604_800]);
      return made(`reserve ${user} ${amount}`, (c, o) => c.reserveCredits(user, amount, { ...o, ttlSeconds }));
    }
    if (verb < 72) {
      const overage = this.#one(['reject', 'charge', 'overdraft', undefined] as const);
      const ifExpired = this.#one(['reject', 'charge', 'overdraft', undefined] as const);
      const final = this.#one([undefined, true, false]);
      const part = { amount: this.#one([undefined, undefined, 0, amount]), overage, ifExpired, final };
      const what = `commit ${hold} ${JSON.stringify(part)}`;
      return made(what, (c, o) => c.commitReservedCredits(hold, { ...o, ...part }));
    }
    if (verb < 76) return made(`release ${hold}`, (c, o) => c.releaseReservedCredits(hold, o));
    if (verb < 79) return made(`extend ${hold}`, (c, o) => c.extendReservation(hold, { ...o, ttlSeconds: 7_200 }));
    if (verb < 86) {
      const part = this.#one([undefined, undefined, amount]);
      return made(`reverse ${entry} ${part}`, (c, o) => c.reverseTransaction(entry, { ...o, amount: part }));
    }
    if (verb < 92) {
      const to = this.#one(USERS);
      return made(`transfer ${user} ${to} ${amount}`, (c, o) => c.transferCredits({ from: user, to, amount }, o));
    }
    if (verb < 94) return made(`expire ${user}`, (c, o) => c.expireCredits(user, o));
    if (verb < 96) return made(`create ${user}`, (c, o) => c.createAccount(user, { ...o, trialCredits: amount }));
    if (verb < 98) {
      const changed = {
        overdraftLimit: this.#one([null, 'unlimited', 5] as const),
        lowCreditThreshold: '20%' as const,
      };
      return made(`update ${user} ${JSON.stringify(changed)}`, (c, o) => c.updateAccount(user, { ...o, ...changed }));
    }
    const wrong = this.#one([0, -1, '1e3', 0.1 + 0.2, 2 ** 52, ' 1']);
    return made(`wrong ${wrong}`, (c, o) => c.deductCredits(user, wrong, o));
  }

  async #read(): Promise<void> {
    const [user, service] = [this.#one(USERS), this.#service()];
    const now = this.#clock.now().getTime();
    const past = new Date(now - this.#random(30 * 86_400) * 1_000);
    await this.#say(`info ${user}`, service.getUserCreditsInfo(user, { fresh: this.#chance(50) }));
    await this.#say(`at ${past.toISOString()} ${user}`, service.getBalanceAt(user, past));
    await this.#say(`preview ${user}`, service.previewDeduction(user, this.#one(AMOUNTS)));
    await this.#say(`expiring ${user}`, service.getExpiringCreditsInDays(user, this.#random(60)));
    const order = this.#one(['newest', 'oldest'] as const);
    const query = {
      order,
      includeHolds: this.#chance(50),
      ...(this.#chance(40) && { from: past }),
      ...(this.#chance(20) && { to: new Date(now) }),
      ...(this.#chance(20) && { types: ['add', 'expire', 'deduct'] as const }),
      ...(this.#chance(15) && { actor: 'ada' }),
    };
    const limit = 1 + this.#random(9);
    await this.#pages(
      `history ${user} ${JSON.stringify(query)}`,
      (page) => service.getCreditHistory(user, { ...query, ...page, limit }),
      PAGES,
    );
    await this.#say(
      'a cursor of nobody',
      service.getCreditHistory(user, { cursor: this.#one(['x', 'e30', '\u2028']) }),
    );
    const hold = this.#one(this.#holds);
    if (hold) await this.#say(`hold ${hold}`, service.getReservation(hold));
    const entry = this.#one(this.#entries);
    if (entry) await this.#say(`entry ${entry}`, service.getTransaction(entry));
  }

  /** All pages, each with its cursor as it stands. */
  async #pages(
    what: string,
    read: (page: { cursor?: string }) => Promise<{ items: readonly unknown[]; nextCursor: string | null }>,
    most = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    let cursor: string | null | undefined;
    for (let pages = 0; cursor !== null && pages < most; pages++) {
      const call: ReturnType<typeof read> = read(cursor === undefined ? {} : { cursor });
      await this.#say(what, call);
      cursor = (await call.catch(() => ({ nextCursor: null }))).nextCursor;
    }
  }

  /** Everything that can be read of every account. */
  async check(): Promise<void> {
    for (const type of ['credits', 'image'] as const) {
      const service = this.#one(this.#managers).creditType(type);
      await this.#say(`infos of ${type}`, service.getUsersCreditsInfo(USERS));
      await this.#pages('accounts', (page) => service.listAccounts({ ...page, limit: 3 }));
      await this.#pages('poor accounts', (page) => service.listAccounts({ ...page, maxAvailable: 20, limit: 4 }));
      for (const user of USERS) {
        await this.#pages(`grants ${user}`, (page) =>
          service.getGrants(user, { ...page, limit: 4, includeClosed: true }),
        );
        await this.#pages(`holds ${user}`, (page) => service.getActiveReservations(user, { ...page, limit: 2 }));
      }
    }
  }

  async ledger(): Promise<void> {
    const [manager] = this.#managers;
    // It may have been set back since the last entry, which would lie in the future then.
    this.#clock.advance({ seconds: 86_400 });
    await this.#pages('ledger', async (page) => {
      const { items, nextCursor } = await (manager as Manager).ledger.list({ ...page, limit: 37, order: 'oldest' });
      // The hash covers the random name of the database.
      return { items: items.map(({ hash, ...entry }) => ({ ...entry, hashed: hash !== null })), nextCursor };
    });
    for (const { ledger } of this.#managers) await this.#say('verified', ledger.verify());
  }
}
