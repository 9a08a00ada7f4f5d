/**
 * One step or many: what a user ends with does not depend on who looked when. A story runs once as it is, and once
 * with looks at random instants between its calls: reads, calls that are refused, `expireCredits` and jobs.
 */
import { isCreditError } from '../../src/index.js';
import { Chance, settingOf } from '../support/chance.js';
import { CREDIT_TYPE, IMAGE, nameOf, typeOf, userOf } from './account-names.js';
import type { Act, Story } from './acts.js';
import type { Happened } from './happened.js';
import { type Answer, allPages, Library, type Row } from './library.js';
import type { Call } from './oracle-call.js';
import { DAY, PLANS } from './oracle-plans.js';
import { Disagreement, START, show } from './sequence.js';

type Look = (library: Library, name: string, chance: Chance) => Promise<unknown>;

/** More than anybody has: no addition of a story is a thousandth of it. */
const TOO_MUCH = 2_000_000_000;

const LOOKS = {
  balance: (library, name, chance) => service(library, name, chance).getUserCreditsInfo(userOf(name)),
  'fresh balance': (library, name, chance) =>
    service(library, name, chance).getUserCreditsInfo(userOf(name), { fresh: true }),
  'balance ahead': (library, name, chance) => {
    const ahead = new Date(library.clockNow + chance.below(40 * DAY));
    return service(library, name, chance).getBalanceAt(userOf(name), ahead);
  },
  grants: (library, name, chance) => service(library, name, chance).getGrants(userOf(name)),
  history: (library, name, chance) => service(library, name, chance).getCreditHistory(userOf(name)),
  subscription: (library, name, chance) => subscriptions(library, chance).getUserSubscription(userOf(name)),
  preview: (library, name, chance) =>
    subscriptions(library, chance).previewChange(userOf(name), library.book.planId(chance.pick(PLANS).name)),
  'refused call': (library, name, chance) => service(library, name, chance).deductCredits(userOf(name), TOO_MUCH),
  expiry: (library, name, chance) => service(library, name, chance).expireCredits(userOf(name)),
  allocation: (library, _name, chance) => library.manager(chance.below(9)).jobs.runAllocation(asOf(library, chance)),
  expiration: (library, _name, chance) => library.manager(chance.below(9)).jobs.runExpiration(asOf(library, chance)),
} as const satisfies Record<string, Look>;

const KINDS = Object.keys(LOOKS) as (keyof typeof LOOKS)[];

function service(library: Library, name: string, chance: Chance) {
  return library.service(chance.below(9), name);
}

function subscriptions(library: Library, chance: Chance) {
  return library.manager(chance.below(9)).subscriptions;
}

function asOf({ clockNow }: Library, chance: Chance): { asOf?: Date } {
  return chance.below(4) === 0 ? { asOf: new Date(clockNow - chance.below(3 * DAY)) } : {};
}

/** Looks between two instants: some of them at instants at which something falls due, or right beside. */
async function look(library: Library, to: number, due: readonly number[], world: LookWorld): Promise<void> {
  const { chance, accounts, happened } = world;
  const from = library.clockNow;
  if (from > to) return;
  const beside = due.map((instant) => instant + chance.pick([-1, 0, 0, 1]));
  const instants = [...beside, from + chance.below(to - from + 1), from + chance.below(to - from + 1), to];
  const chosen = instants.filter((one) => one >= from && one <= to && chance.below(instants.length) < 2);
  for (const instant of chosen.sort((a, b) => a - b)) {
    library.clockNow = instant;
    const before = await versionsOf(library, accounts);
    const kind = chance.pick(KINDS);
    happened.count(`look: ${kind}`);
    try {
      await LOOKS[kind](library, chance.pick(accounts), chance);
    } catch (error) {
      if (!isCreditError(error)) throw error;
    }
    if ((await versionsOf(library, accounts)) > before) happened.count(`renewed by a look: ${kind}`);
  }
}

/** Every step of a subscription that was written. */
async function versionsOf({ db }: Library, users: readonly string[]): Promise<number> {
  const rows = await db.getMany('subscription', users);
  return rows.reduce((sum, row) => sum + Number(row?.version ?? 0), 0);
}

interface LookWorld {
  readonly chance: Chance;
  readonly accounts: readonly string[];
  readonly happened: Happened;
}

export async function compareLooks(story: Story, seed: number, happened: Happened): Promise<void> {
  const accounts = story.users.flatMap((user) => [user, nameOf(user, IMAGE)]);
  const alone = await run(story, seed, accounts, null);
  const watched = await run(story, seed, accounts, { chance: new Chance(seed + 1), accounts, happened });
  happened.count('sequences');
  happened.count('acts', story.acts.length);
  happened.count('lines compared', alone.length);
  const place = [...alone, ...watched].findIndex((_line, i) => alone[i] !== watched[i]);
  if (place < 0) return;
  const log = story.acts.map(({ at, call }) => `+${at - START} ms ${show(call)}`);
  const [ends, differs] = [`looked at +${story.endsAt - START} ms`, `unseen: ${alone[place]}`];
  throw new Disagreement([...log, ends, differs, `looked at: ${watched[place]}`].join('\n'));
}

/** Everything that must not depend on looks, a line each. */
async function run(
  { config, acts, endsAt, due }: Story,
  seed: number,
  accounts: readonly string[],
  looks: LookWorld | null,
): Promise<readonly string[]> {
  const { cached, pipeline } = settingOf(seed);
  const library = new Library(config, START, { cached, pipeline });
  await library.define();
  library.join();
  const lines: string[] = [];
  for (const [turn, act] of acts.entries()) {
    // A renewal that is due with a change of its plan, and was written at that very instant, is of the plan before.
    const isTied = acts.some(({ at, call }) => at === act.at && OF_PLANS.has(call.op));
    if (looks) await look(library, isTied ? act.at - 1 : act.at, act.due, looks);
    library.clockNow = act.at;
    const answer = await library.perform(await placed(act, library), turn);
    lines.push(`${show(act.call)} → ${told(act.call, answer)}`);
  }
  if (looks) await look(library, endsAt, due, looks);
  library.clockNow = endsAt;
  for (const name of accounts) lines.push(...(await presentOf(library, name)));
  for (const name of accounts) {
    await library.service(0, name).expireCredits(userOf(name));
    lines.push(...(await entriesOf(library, name)), ...(await presentOf(library, name)));
    if (typeOf(name) === CREDIT_TYPE) lines.push(await rowOf(library, name));
  }
  await library.close();
  return lines;
}

/** The call with the entry that it reverses where this run has it. */
async function placed({ call, target }: Act, library: Library): Promise<Call> {
  if (!('entry' in call) || target === null) return call;
  const { user } = call.entry;
  const entry = credited(await library.entryRows(user))[target - 1];
  return { ...call, entry: { user, seq: Number(entry?.seq ?? 0) } };
}

/** Entries of credits, in order: a renewal that looks wrote step by step tells of its steps besides. */
function credited(rows: readonly Row[]): Row[] {
  const chained = rows.filter(({ seq, type }) => Number(seq) > 0 && type !== 'plan_changed');
  return chained.sort((a, b) => Number(a.seq) - Number(b.seq));
}

/** Calls that change a plan for all its subscriptions, from their instant on. */
const OF_PLANS: ReadonlySet<Call['op']> = new Set(['revise', 'offer'] as const);

/** What was left to do for these depends on what looks have done, and the library tells it. */
const TELL_WHAT_THEY_DID: ReadonlySet<Call['op']> = new Set(['allocate', 'expire', 'offer'] as const);

function told({ op }: Call, answer: Answer): string {
  if (answer.status === 'refused') return answer.code;
  if (TELL_WHAT_THEY_DID.has(op)) return 'done';
  if (answer.status === 'plan') {
    const { entry: _entry, transactionId: _id, ...value } = answer.value;
    return show(value);
  }
  if (answer.status === 'info') return show(answer);
  if (answer.status === 'transaction') return show(amountsOf({ ...answer.transaction }));
  if (answer.status === 'transfer') return show([amountsOf({ ...answer.out }), amountsOf({ ...answer.in })]);
  if (answer.status !== 'reservation') return answer.status;
  const { id: _id, ...reservation } = answer.reservation;
  return show(reservation);
}

function amountsOf(row: Row): Row {
  const { type, delta, reservedDelta, balanceAfter, availableAfter, debtAfter } = row;
  return { type, delta, reservedDelta, balanceAfter, availableAfter, debtAfter };
}

/** As it is read. */
async function presentOf(library: Library, name: string): Promise<string[]> {
  const user = userOf(name);
  const own = library.service(0, name);
  const grants = await allPages((page) => own.getGrants(user, page));
  const view = await library.manager(0).subscriptions.getUserSubscription(user);
  const ahead = await own.getBalanceAt(user, new Date(library.clockNow + 10 * DAY));
  // A reference names the subscription or the cycle, whose id is another one in each run.
  const open = grants.map(({ id: _id, reference: _of, planId, ...grant }) =>
    show({ ...grant, plan: library.book.nameOf(planId) }),
  );
  return [
    `${name} has ${show(await own.getUserCreditsInfo(user, { fresh: true }))}, later ${show(ahead)}`,
    `${name} has grants ${open.sort().join()}`,
    `${user} is on ${show(view && library.book.view(view))}`,
  ];
}

/** As it is stored: grants are known by their order. */
async function entriesOf(library: Library, name: string): Promise<string[]> {
  const grants = await library.learnLots(name);
  const entries = credited(await library.entryRows(name));
  const lot = (id: unknown) => grants.findIndex((grant) => grant.id === id);
  const parts = (draws: unknown) =>
    (draws as { grantId: string; amount: number }[]).map(({ grantId, amount }) => `${amount} of ${lot(grantId)}`);
  const lines = entries.map((entry) => {
    const { at, draws, repaid, grantId, reservationId, reverses } = entry;
    const hold = library.labelOf(reservationId as string | null);
    const undone = entries.findIndex(({ id }) => id === reverses);
    const from = { draws: parts(draws), repaid: parts(repaid), lot: lot(grantId), hold, undone };
    return `${name} ${show({ at, ...amountsOf(entry), ...from })}`;
  });
  return [...lines, ...grants.map((grant) => `${name} ${show(closed(grant, library))}`)];
}

/** The row of a grant that is open has older parts. */
function closed(grant: Row, { book }: Library): Row {
  const { source, amount, priority, effectiveAt, expiresAt, createdAt, open, remaining, held, expired, revoked } =
    grant;
  const terms = { source, amount, priority, effectiveAt, expiresAt, createdAt, open };
  const plan = book.nameOf(grant.planId as string | null);
  return open ? { ...terms, plan } : { ...terms, plan, remaining, held, expired, revoked };
}

async function rowOf(library: Library, user: string): Promise<string> {
  const [row] = await library.db.getMany('subscription', [user]);
  if (!row) return `${user} has no subscription`;
  const {
    version: _version,
    updatedAt: _updatedAt,
    lots: _lots,
    id,
    terms,
    pending,
    planId,
    nextPlanId,
    ...same
  } = row;
  const { granted, grantedUntil, carried, carriedUntil, frozen, ...rest } = same;
  // What counts no more is told no more.
  const counted = (amounts: unknown, until: unknown) =>
    until instanceof Date && until.getTime() > library.clockNow ? { amounts, until } : null;
  const counts = [counted(granted, grantedUntil), counted(carried, carriedUntil)];
  const ends = frozen === null ? null : Object.values(frozen as object);
  return `${user} is stored as ${show({ ...rest, ends, name: library.book.nameOf(String(id)), counts })}`;
}
