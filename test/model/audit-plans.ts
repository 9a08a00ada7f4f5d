/** Compares what can be read of plans, subscriptions, cycles and promo codes, and their rows, with the oracle. */
import { CREDIT_TYPE, IMAGE, nameOf, typeOf } from './account-names.js';
import { type Differences, differ } from './compare.js';
import type { Happened } from './happened.js';
import { allPages, credits, type Library } from './library.js';
import type { Oracle } from './oracle.js';
import { eventsOf, MOVEMENTS } from './oracle-events.js';
import { type Counted, dueAt, PLANS, PROMOS, type Subscription, viewCycle, viewSubscription } from './oracle-plans.js';
import type { Account } from './oracle-state.js';
import { at } from './steps.js';

/** After every step: the subscription as its user sees it, and what was announced since the step before. */
export class PlanWatch {
  readonly #library: Library;
  readonly #oracle: Oracle;
  readonly #told = new Map<string, number>();
  readonly #known = new Map<string, Subscription | null>();
  readonly #happened: Happened;

  constructor(library: Library, oracle: Oracle, happened: Happened) {
    this.#happened = happened;
    this.#library = library;
    this.#oracle = oracle;
  }

  async compare(user: string, turn: number): Promise<Differences> {
    const found = this.#compareEvents(user);
    if (typeOf(user) !== CREDIT_TYPE) return found;
    const { subscription } = this.#oracle.stored(user).plans;
    this.#happened.countPayments(this.#known.get(user) ?? null, subscription);
    this.#known.set(user, subscription);
    return [...found, ...(await this.#compareView(user, turn))];
  }

  #compareEvents(user: string): Differences {
    const setting = this.#oracle.config.plans;
    if (!setting) return [];
    const account = this.#oracle.stored(user);
    const from = this.#told.get(user) ?? 0;
    const expected = eventsOf(account, from, setting);
    this.#happened.countAllocations(account, from);
    this.#told.set(user, account.entries.length);
    const actual = this.#library.takeEvents(user);
    const found: Differences = [];
    for (const isMovement of [true, false]) {
      const [wanted, got] = [expected, actual].map((list) =>
        list.filter(({ type }) => MOVEMENTS.includes(type) === isMovement),
      ) as [typeof expected, typeof actual];
      found.push(...differ(`events of ${user}`, { types: wanted.map(kindOf) }, { types: got.map(kindOf) }));
      for (const [i, { type, sequence, level, ...amounts }] of wanted.entries()) {
        this.#happened.count(`event ${type}`);
        if (level !== undefined && level > 1) this.#happened.count(`event ${type} of a lower threshold`);
        const given = Object.entries(amounts).map(([field, value]) => [field, credits(value)]);
        const told = { sequence, ...(level !== undefined && { level }), ...Object.fromEntries(given) };
        found.push(...differ(`${type} of ${user}`, told, { sequence: got[i]?.sequence, ...got[i]?.data }));
      }
    }
    return found;
  }

  async #compareView(user: string, turn: number): Promise<Differences> {
    const now = this.#oracle.nowOf(user, this.#library.clockNow);
    const { subscription: one } = this.#oracle.read(user, now).account.plans;
    const actual = await this.#library.manager(turn).subscriptions.getUserSubscriptionPlan(user);
    if (!one || one.status === 'removed') return actual === null ? [] : [`${user} has a subscription`];
    if (!actual) return [`${user} has no subscription`];
    return differ(`subscription of ${user}`, viewSubscription(one, now), this.#library.book.view(actual));
  }
}

function kindOf({ type }: { type: string }): string {
  return type;
}

/** Whatever else there is to be read. */
export async function auditPlans(library: Library, oracle: Oracle, user: string, turn: number): Promise<Differences> {
  const { account, now } = oracle.read(user, library.clockNow);
  const { subscriptions, promos } = library.manager(turn);
  const { claims } = account.plans;
  const found = [
    ...(await auditRow(library, oracle.stored(user), oracle.nowOf(user, library.clockNow))),
    ...(await auditCycles(library, account, now, turn)),
  ];
  for (const name of [user, nameOf(user, IMAGE)]) {
    const row = await library.accountRow(name);
    const { limit, due } = oracle.stored(name).plans;
    if (!row) continue;
    const wanted = { planLimit: limit === null ? null : Number(limit), planDueAt: due };
    found.push(...differ(`account ${name}`, wanted, { planDueAt: null, ...(row.state as object) }));
  }
  const { code } = at(PROMOS, turn);
  let uses = 0;
  for (const { plans } of oracle.accounts) uses += plans.claims.get(code)?.length ?? 0;
  found.push(...differ(`promo ${code}`, { totalClaims: uses }, await promos.getPromo(code)));
  const listed = await allPages((page) => promos.listClaims({ userId: user, ...page }));
  found.push(...differ(`claims of ${user}`, { length: [...claims.values()].flat().length }, listed));
  const changes = oracle.stored(user).entries.filter(({ type }) => type === 'plan_changed').length;
  const history = await allPages((page) => subscriptions.getSubscriptionHistory(user, page));
  if (history.length > changes) found.push(`${history.length} changes are told of ${changes}`);
  return [...found, ...(await auditPreview(library, oracle, account, turn))];
}

async function auditRow(library: Library, account: Account, now: number): Promise<Differences> {
  const { subscription: one } = account.plans;
  const found: Differences = [];
  const [stored] = await library.db.getMany('subscription', [account.user]);
  if (!one || !stored) return one || stored ? [...found, `the subscription row of ${account.user} is amiss`] : found;
  const { status, isAllocated, start, end, pausedAt, hadTrial, isTrial, lots, paid } = one;
  const stands = Object.values(stored.lots as Record<string, string[]>).flat();
  const named = stands.map((id) => library.lotNameOf(id));
  return [
    ...found,
    ...differ(
      `row of ${account.user}`,
      { status, isAllocated, periodStart: start, periodEnd: end, pausedAt, hadTrial, isTrial, dueAt: dueAt(one) },
      stored,
    ),
    ...differ(`row of ${account.user}`, { lots: [...lots].sort() }, { lots: named.sort() }),
    ...differ(`row of ${account.user}`, { paid }, { paid: stored.paid ?? [] }),
    ...differ(`row of ${account.user}`, countedOf(one, now), storedCounts(stored, one, now)),
  ];
}

/** What counts no more is compared no more. */
function countedOf({ had, carried }: Subscription, now: number): Record<string, unknown> {
  const view = ({ amounts, until }: Counted) => (until > now ? `${listed(amounts)} until ${until}` : 'nothing');
  return { granted: view(had), carried: view(carried) };
}

function storedCounts(row: Readonly<Record<string, unknown>>, one: Subscription, now: number): Record<string, unknown> {
  const view = (name: string, until: unknown) => {
    if (!(until instanceof Date) || until.getTime() <= now) return 'nothing';
    return `${listed(row[name] as Record<string, number>)} until ${until.getTime()}`;
  };
  return { granted: view('granted', row.grantedUntil), carried: view('carried', row.carriedUntil), for: one.label };
}

function listed(amounts: Readonly<Record<string, bigint | number>>): string {
  const parts = Object.entries(amounts).filter(([, amount]) => Number(amount) !== 0);
  return parts
    .map(([type, amount]) => `${amount} of ${type}`)
    .sort()
    .join(', ');
}

async function auditCycles(library: Library, account: Account, now: number, turn: number): Promise<Differences> {
  const { user, plans } = account;
  const { subscriptions } = library.manager(turn);
  const listed = await allPages((page) => subscriptions.listCycles(user, page), 2 + (turn % 20));
  const found = differ(`cycles of ${user}`, { length: plans.cycles.size }, listed);
  for (const cycle of listed) {
    const view = library.book.viewCycle(cycle);
    const one = plans.cycles.get(String(view.id));
    found.push(...(one ? differ(`cycle ${one.label}`, viewCycle(one, now), view) : [`${view.id} is nobody's cycle`]));
  }
  return found;
}

/** What an upgrade would do now, where nothing is late. */
async function auditPreview(library: Library, oracle: Oracle, account: Account, turn: number): Promise<Differences> {
  const { user, plans } = account;
  const due = plans.subscription && dueAt(plans.subscription);
  if (due !== null && due <= oracle.nowOf(user, library.clockNow)) return [];
  const { name } = at(PLANS, turn);
  const proration = at([undefined, 'none', 'time'] as const, turn);
  const copy = oracle.copy();
  const how = proration && { proration };
  const call = { op: 'upgrade', label: 'preview', key: null, user, plan: name, ...how } as const;
  const expected = copy.decide(call, library.clockNow);
  const { subscriptions } = library.manager(turn);
  const plan = library.book.planId(name);
  const actual = await subscriptions.previewChange(user, plan, { ...how }).catch(({ code }) => ({ code }));
  if (expected.status === 'refused') return differ('preview', { code: expected.code }, actual);
  if (!('granted' in actual)) return [`the preview was refused: ${actual.code}`];
  const granted: Record<string, number> = {};
  for (const type of [CREDIT_TYPE, IMAGE]) {
    const made = copy.stored(nameOf(user, type)).entries.filter(({ operation }) => operation === 'preview');
    const sum = made.reduce((all, entry) => all + (entry.allocated ? entry.delta : 0n), 0n);
    if (sum > 0n) granted[type] = credits(sum);
  }
  const { planId, periodEnd, status } = viewSubscription(copy.stored(user).plans.subscription as Subscription);
  return [
    ...differ('preview', { granted }, actual),
    ...differ('preview', { planId, periodEnd, status }, library.book.view(actual.subscription)),
  ];
}
