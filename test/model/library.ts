/** The library under test: performs the oracle's calls through the public API and knows which id is which. */
import type {
  CreditEvent,
  CreditManagement,
  CreditService,
  Grant,
  LedgerService,
  MemorySession,
  Reservation,
  Transaction,
} from '../../src/index.js';
import { createCreditManagement, InMemoryDbManager, isCreditError } from '../../src/index.js';
import type { Pipeline } from '../support/chance.js';
import { QUIET } from '../support/quiet.js';
import { IMAGE, keyOf, nameOf, typeOf, userOf } from './account-names.js';
import { isPlanCall, PlanBook } from './library-plans.js';
import type { OracleConfig, Threshold } from './oracle.js';
import type { Call, From } from './oracle-call.js';
import type { JobCall, PlanCall } from './oracle-plan-calls.js';
import type { Micro } from './oracle-state.js';
import { SharedCache } from './shared-cache.js';
import { watched } from './watched-store.js';

export type Row = { readonly [field: string]: unknown };

export type Manager = CreditManagement<MemorySession, typeof IMAGE>;

type Info = Awaited<ReturnType<CreditService['getUserCreditsInfo']>>;

export type Answer =
  | { status: 'transaction'; transaction: Transaction; replayed: boolean }
  | { status: 'reservation'; reservation: Reservation; replayed: boolean }
  | { status: 'transfer'; out: Transaction; in: Transaction; replayed: readonly boolean[] }
  | { status: 'number'; amount: number }
  | { status: 'info'; info: Info; replayed: boolean }
  | { status: 'plan'; value: Readonly<Record<string, unknown>> }
  | { status: 'refused'; code: string; details: Readonly<Record<string, unknown>> };

type CreditCall = Exclude<Call, PlanCall | JobCall>;

/** The events that the oracle knows of. */
const TOLD = [
  'subscription.allocated',
  'credits.grant_activated',
  'credits.transferred',
  'credits.low_balance_reached',
  'credits.balance_exhausted',
  'credits.plugin_status_changed',
  'credits.balance_restored',
] as const;

const LONG_TTL_SECONDS = 7 * 86_400;

/** Micro-units as the number of credits the library must answer: one correctly rounded division. */
export function credits(micro: Micro): number {
  return Number(micro) / 1e6;
}

export interface Surroundings {
  /** Called at every call of the store. */
  readonly suspend?: () => Promise<void>;
  readonly cached?: boolean;
  readonly filePath?: string | null;
  readonly pipeline?: Pipeline;
}

/** Makes the store of each sequence; a suite for another database puts its own here. */
export const stores = {
  make: (suspend?: () => Promise<void>): InMemoryDbManager => new InMemoryDbManager(suspend ? { suspend } : {}),
};

export class Library {
  readonly db: InMemoryDbManager;
  clockNow: number;
  /** Commits that found their account moved on by somebody else. */
  storeConflicts = 0;
  /** Reads of account rows. */
  accountReads = 0;
  /** Every instance's, and it outlives them all. */
  readonly cache: SharedCache | null;
  readonly filePath: string | null;
  /** Instances that ever ran. */
  instances = 0;
  /** Ids made by instances that had no ledger file though there is one. */
  readonly unfiledIds = new Set<string>();
  readonly book = new PlanBook(this);
  #events: CreditEvent[] = [];
  readonly #config: OracleConfig;
  readonly #pipeline: Pipeline;
  readonly #managers: Manager[] = [];
  readonly #reservationIds = new Map<string, string>();
  /** The account of a hold, by label. */
  readonly #holders = new Map<string, string>();
  readonly #labels = new Map<string, string>();
  readonly #entryIds = new Map<string, string>();
  readonly #entryNames = new Map<string, string>();
  readonly #lotNames = new Map<string, string>();
  #lastId = 0;
  #isInitialised = false;

  constructor(config: OracleConfig, clockNow: number, surroundings: Surroundings = {}) {
    const { suspend, cached, filePath, pipeline = {} } = surroundings;
    this.#config = config;
    this.#pipeline = pipeline;
    this.clockNow = clockNow;
    this.db = stores.make(suspend);
    this.cache = cached ? new SharedCache() : null;
    this.filePath = filePath ?? null;
    this.join();
  }

  /** One more instance of the library on the same store; one that is not `filed` has no ledger file. */
  join(filed = true): void {
    const { trialCredits, overdraftLimit, openGrants, activeReservations, lateUsageMs } = this.#config;
    this.instances += 1;
    const defaults = {
      trialCredits: credits(trialCredits),
      overdraftLimit: overdraftLimit === 'unlimited' ? ('unlimited' as const) : credits(overdraftLimit),
      ...(this.#config.plans && {
        lowCreditThresholds: this.#config.plans.thresholds.map(thresholdOf),
        lowCreditHysteresis: credits(this.#config.plans.hysteresis),
      }),
    };
    const manager: Manager = createCreditManagement({
      db: watched(this.db, this),
      clock: { now: () => new Date(this.clockNow) },
      ids: () => {
        this.#lastId += 1;
        const id = `id-${String(this.#lastId).padStart(9, '0')}`;
        if (this.filePath !== null && !filed) this.unfiledIds.add(id);
        return id;
      },
      ...(this.filePath !== null && filed && { ledger: { filePath: this.filePath, fsync: 'never' } }),
      ...(this.cache && { cache: { backend: this.cache, ttlSeconds: LONG_TTL_SECONDS, timeoutMs: 10_000 } }),
      defaults,
      ...(this.#config.plans && { creditTypes: { [IMAGE]: defaults } }),
      limits: { openGrants, activeReservations, lateUsageSeconds: lateUsageMs / 1000 },
      logger: QUIET,
      pipeline: this.#pipeline,
    });
    if (this.#config.plans) for (const type of TOLD) manager.on(type, (event) => void this.#events.push(event));
    this.#managers.push(manager);
  }

  /** What was announced of an account since it was asked for last. */
  takeEvents(name: string): CreditEvent[] {
    const isOf = ({ userId, creditType }: CreditEvent) => nameOf(userId, creditType) === name;
    const taken = this.#events.filter(isOf);
    this.#events = this.#events.filter((event) => !isOf(event));
    return taken;
  }

  /** Makes the plans and promo codes of the oracle, where the sequence has any. */
  async define(): Promise<void> {
    const { plans } = this.#config;
    if (plans) await this.book.define(this.manager(0), plans.startedAt);
  }

  /** Drops every process state: all instances end, a new one starts on the same store. */
  async restart(): Promise<void> {
    await this.close();
    this.join();
  }

  async close(): Promise<void> {
    for (const manager of this.#managers.splice(0)) await manager.close();
  }

  /** The service of the account's credit type. */
  service(turn: number, name = ''): CreditService {
    const manager = this.manager(turn);
    return typeOf(name) === IMAGE ? manager.creditType(IMAGE) : manager.credits;
  }

  ledger(turn: number): LedgerService {
    return this.manager(turn).ledger;
  }

  manager(turn: number): Manager {
    const manager = this.#managers[turn % this.#managers.length];
    if (!manager) throw new Error('No instance of the library is running.');
    return manager;
  }

  balanceAt(name: string, at: number, turn: number, options: { fresh?: boolean }): Promise<Info> {
    const instant = dated(at, String(turn)) ?? '';
    return this.service(turn, name).getBalanceAt(userOf(name), instant, options);
  }

  async perform(call: Call, turn: number): Promise<Answer> {
    try {
      if (isPlanCall(call)) {
        const answer = await this.book.perform(this.manager(turn), call);
        if (answer.status !== 'plan' || answer.value.success !== false) return answer;
        return { status: 'refused', code: 'PROMO_NOT_ELIGIBLE', details: { reason: answer.value.message } };
      }
      const answer = await this.#perform(this.service(turn, this.#accountOf(call)), call);
      if (answer.status === 'reservation') this.#learnHold(call, answer.reservation.id);
      if (answer.status === 'transaction') this.#learnEntry(answer.transaction);
      return answer;
    } catch (error) {
      if (!isCreditError(error)) throw error;
      return { status: 'refused', code: error.code, details: { ...error.details } };
    }
  }

  /** A hold that nobody made is anybody's. */
  #accountOf(call: CreditCall): string {
    if ('user' in call) return call.user;
    if ('entry' in call) return call.entry.user;
    return 'from' in call ? call.from : (this.#holders.get(call.hold) ?? '');
  }

  async #perform(service: CreditService, call: CreditCall): Promise<Answer> {
    const user = userOf(this.#accountOf(call));
    const key = call.key === null ? {} : { idempotencyKey: call.key };
    switch (call.op) {
      case 'add':
        return transaction(
          await service.addCredits(user, written(call.amount, call.label), {
            ...key,
            source: call.source,
            planId: call.planId,
            priority: call.priority,
            effectiveAt: dated(call.effectiveAt, call.label),
            expiresAt: dated(call.expiresAt, call.label),
          }),
        );
      case 'deduct':
        return transaction(
          await service.deductCredits(user, written(call.amount, call.label), {
            ...key,
            ...(call.from && { from: await this.#drawnFrom(call.user, call.from) }),
            occurredAt: dated(call.occurredAt, call.label),
          }),
        );
      case 'after':
        return transaction(
          await service.deductCreditsAfterService(user, written(call.amount, call.label), {
            ...key,
            occurredAt: dated(call.occurredAt, call.label),
          }),
        );
      case 'adjust': {
        const options = { ...key, actor: 'auditor', reason: 'a correction' };
        return transaction(await service.adjustCredits(user, written(call.amount, call.label), options));
      }
      case 'reserve':
        return reservation(
          await service.reserveCredits(user, written(call.amount, call.label), {
            ...key,
            ttlSeconds: call.ttlSeconds,
          }),
        );
      case 'commit': {
        const { final, overage, ifExpired, amount } = call;
        const given = amount === undefined ? {} : { amount: written(amount, call.label) };
        const occurredAt = dated(call.occurredAt, call.label);
        const options = { ...key, ...given, final, overage, ifExpired, occurredAt };
        return transaction(await service.commitReservedCredits(this.reservationId(call.hold), options));
      }
      case 'release': {
        const id = this.reservationId(call.hold);
        const release = call.label.endsWith('0')
          ? service.unreserveCredits.bind(service)
          : service.releaseReservedCredits.bind(service);
        return reservation(await release(id, key));
      }
      case 'extend': {
        const options = { ...key, ttlSeconds: call.ttlSeconds };
        return reservation(await service.extendReservation({ id: this.reservationId(call.hold) }, options));
      }
      case 'reverse': {
        const id = await this.entryId(call.entry.user, call.entry.seq);
        const given = call.amount === undefined ? {} : { amount: written(call.amount, call.label) };
        return transaction(await service.reverseTransaction(id, { ...key, ...given }));
      }
      case 'void': {
        const made = await service.getTransaction(await this.entryId(call.entry.user, call.entry.seq));
        const given = call.amount === undefined ? {} : { amount: written(call.amount, call.label) };
        const options = { ...key, ...given, actor: 'auditor', reason: 'granted twice' };
        return transaction(await service.voidGrant(made?.grantId ?? 'none', options));
      }
      case 'amend': {
        const made = await service.getTransaction(await this.entryId(call.entry.user, call.entry.seq));
        const { priority, expiresAt } = call;
        const ends = expiresAt === undefined ? {} : { expiresAt: dated(expiresAt ?? undefined, call.label) ?? null };
        const change = { ...(priority !== undefined && { priority }), ...ends };
        return transaction(await service.updateGrant(made?.grantId ?? 'none', change, key));
      }
      case 'transfer': {
        const ends = { from: user, to: userOf(call.to) };
        const moved = await service.transferCredits({ ...ends, amount: written(call.amount, call.label) }, key);
        this.#learnEntry(moved.out);
        this.#learnEntry(moved.in);
        return { status: 'transfer', ...moved, replayed: [moved.out.replayed, moved.in.replayed] };
      }
      case 'expire': {
        const amount = await service.expireCredits(user, { ...key, asOf: dated(call.asOf, call.label) });
        return { status: 'number', amount };
      }
      case 'create': {
        const trial = call.trialCredits === undefined ? {} : { trialCredits: credits(call.trialCredits) };
        const info = await service.createAccount(user, { ...key, ...trial, ...overdraft(call.overdraftLimit) });
        return { status: 'info', info, replayed: info.replayed };
      }
      case 'update': {
        const info = await service.updateAccount(user, { ...key, ...overdraft(call.overdraftLimit) });
        return { status: 'info', info, replayed: info.replayed };
      }
    }
  }

  async #drawnFrom(user: string, { sources, planId, lots }: From) {
    if (lots) await this.learnLots(user);
    const idOf = (lot: string) => [...this.#lotNames].find(([, name]) => name === lot)?.[0] ?? `no-grant-${lot}`;
    const grantIds = lots?.map(idOf);
    return { ...(sources && { sources }), ...(planId && { planId }), ...(grantIds && { grantIds }) };
  }

  #learnHold(call: Call, id: string): void {
    if (call.op !== 'reserve' || this.#labels.has(id)) return;
    this.#reservationIds.set(call.label, id);
    this.#holders.set(call.label, call.user);
    this.#labels.set(id, call.label);
  }

  #learnEntry({ id, userId, creditType, seq }: Pick<Transaction, 'id' | 'userId' | 'creditType' | 'seq'>): void {
    const name = `${nameOf(userId, creditType)}#${seq}`;
    this.#entryIds.set(name, id);
    this.#entryNames.set(id, name);
  }

  /** The reservation that a call's label stands for; an id nobody has where it made none. */
  reservationId(label: string): string {
    return this.#reservationIds.get(label) ?? `no-reservation-${label}`;
  }

  labelOf(reservationId: string | null): string | null {
    return reservationId === null ? null : (this.#labels.get(reservationId) ?? `unknown ${reservationId}`);
  }

  entryNameOf(id: string | null): string | null {
    return id === null ? null : (this.#entryNames.get(id) ?? `unknown ${id}`);
  }

  lotNameOf(grantId: string | null): string | null {
    return grantId === null ? null : (this.#lotNames.get(grantId) ?? `unknown ${grantId}`);
  }

  async entryId(user: string, seq: number): Promise<string> {
    const name = `${user}#${seq}`;
    if (seq > 0 && !this.#entryIds.has(name)) for (const row of await this.entryRows(user)) this.#learnRow(user, row);
    return this.#entryIds.get(name) ?? `no-entry-${name}`;
  }

  /** The name of an entry that an answer gives the id of. */
  async entryNamed(id: string, user: string): Promise<string | null> {
    if (!this.#entryNames.has(id)) await this.entryRows(user);
    return this.entryNameOf(id);
  }

  #learnRow(name: string, { id, seq }: Row): void {
    const account = { userId: userOf(name), creditType: typeOf(name) };
    if (typeof seq === 'number' && seq > 0) this.#learnEntry({ id: String(id), ...account, seq });
  }

  /** Names every grant and entry that the answer speaks of, so that it can be compared without waiting. */
  async learn(answer: Answer): Promise<void> {
    const transactions =
      answer.status === 'transaction'
        ? [answer.transaction]
        : answer.status === 'transfer'
          ? [answer.out, answer.in]
          : [];
    for (const one of transactions) {
      const name = nameOf(one.userId, one.creditType);
      const grants = [one.grantId, ...one.draws.map((draw) => draw.grantId)];
      if (grants.some((id) => id !== null && !this.#lotNames.has(id))) await this.learnLots(name);
      if (one.reverses !== null && !this.#entryNames.has(one.reverses)) await this.entryRows(name);
    }
  }

  async learnLots(user: string): Promise<readonly Row[]> {
    const rows = await this.#rows('grant', 'account', user);
    for (const row of rows) this.#lotNames.set(String(row.id), `${user}#${String(row.seq)}.${String(row.place)}`);
    return rows;
  }

  /** Entries of an account as stored, in the order of the history index; refusals have `seq` 0. */
  async entryRows(user: string): Promise<readonly Row[]> {
    const rows = await this.#rows('entry', 'history', user);
    for (const row of rows) this.#learnRow(user, row);
    return rows;
  }

  /** Entries of refusals, of the library's own acts, and of all kinds. */
  async countEntries(): Promise<[error: number, system: number, all: number]> {
    await this.#initialise();
    const count = (...types: string[]) =>
      this.db.count('entry', {
        index: 'history',
        ...(types.length > 0 && { anyOf: { field: 'type', values: types } }),
      });
    return [await count('error'), await count('system'), await count()];
  }

  async accountRow(user: string): Promise<Row | null> {
    await this.#initialise();
    const [row] = await this.db.getMany('account', [keyOf(user)]);
    return row ?? null;
  }

  async reservationRows(user: string): Promise<readonly Row[]> {
    return this.#rows('reservation', 'account', user);
  }

  /** Rows can only be read once an instance has declared the models, which its first call does. */
  async #initialise(): Promise<void> {
    if (this.#isInitialised) return;
    await this.service(0).getUserCreditsInfo('nobody');
    this.#isInitialised = true;
  }

  /** Every entry of the database, of whatever kind, in order of time. */
  async allEntryRows(): Promise<readonly Row[]> {
    return this.#rows('entry', 'time', null);
  }

  async #rows(model: string, index: string, user: string | null): Promise<readonly Row[]> {
    await this.#initialise();
    const equals: Record<string, string> = user === null ? {} : { account: keyOf(user) };
    const rows: Row[] = [];
    let after: string | null = null;
    do {
      const page: Awaited<ReturnType<InMemoryDbManager['find']>> = await this.db.find(model, {
        index,
        equals,
        limit: 1000,
        ...(after !== null && { after }),
      });
      rows.push(...page.rows);
      after = page.nextCursor;
    } while (after !== null);
    return rows;
  }
}

export async function allPages<T>(
  read: (options: { limit: number; cursor?: string }) => Promise<{
    readonly items: readonly T[];
    readonly nextCursor: string | null;
  }>,
  limit = 100,
): Promise<T[]> {
  const items: T[] = [];
  let page = await read({ limit });
  items.push(...page.items);
  while (page.nextCursor !== null) {
    page = await read({ limit, cursor: page.nextCursor });
    items.push(...page.items);
  }
  return items;
}

export type { Grant, Reservation, Transaction };

function transaction(result: Transaction & { readonly replayed: boolean }): Answer {
  return { status: 'transaction', transaction: result, replayed: result.replayed };
}

function reservation(result: Reservation & { readonly replayed: boolean }): Answer {
  return { status: 'reservation', reservation: result, replayed: result.replayed };
}

function thresholdOf(threshold: Threshold): number | `${number}%` {
  return 'amount' in threshold ? credits(threshold.amount) : `${Number(threshold.perMille) / 10}%`;
}

function overdraft(limit: Micro | 'unlimited' | null | undefined) {
  if (limit === undefined) return {};
  return { overdraftLimit: typeof limit === 'bigint' ? credits(limit) : limit };
}

/** The same amount in one of the forms a caller may write it in; a retry may use another one (rule 21). */
function written(amount: Micro, label: string): number | string {
  const form = label.length + label.charCodeAt(label.length - 1);
  if (form % 3 === 0) return credits(amount);
  const size = amount < 0n ? -amount : amount;
  const text = `${amount < 0n ? '-' : ''}${size / 1_000_000n}`;
  const decimals = String(size % 1_000_000n).padStart(6, '0');
  return form % 3 === 1
    ? `${text}.${decimals}`
    : text + (size % 1_000_000n === 0n ? '' : `.${decimals.replace(/0+$/, '')}`);
}

function dated(instant: number | undefined, label: string): Date | string | undefined {
  if (instant === undefined) return undefined;
  const form = label.charCodeAt(label.length - 1) % 3;
  if (form === 0) return new Date(instant);
  if (form === 1) return new Date(instant).toISOString();
  return new Date(instant + 5.5 * 3_600_000).toISOString().replace('Z', '+05:30');
}
