/** Counts what a run really exercised: a property that holds because nothing happened proves nothing. */
import { CREDIT_TYPE, IMAGE, nameOf, typeOf } from './account-names.js';
import type { Call, Op, Outcome } from './oracle-call.js';
import type { ClockTally } from './oracle-clock.js';
import { isByPayment, PLANS, type Subscription } from './oracle-plans.js';
import type { Account, Entry } from './oracle-state.js';

const SPENDING: ReadonlySet<Op> = new Set<Op>(['deduct', 'reserve', 'transfer']);

export class Happened {
  readonly #counts = new Map<string, number>();

  count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  get(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  countOutcome(call: Call, outcome: Outcome): void {
    if (SPENDING.has(call.op)) this.count('asked to spend');
    if (outcome.status === 'refused') {
      this.count(`refused ${outcome.code}`);
      if (SPENDING.has(call.op) && outcome.code === 'INSUFFICIENT_CREDITS') this.count('could not spend');
      if (outcome.code === 'IDEMPOTENCY_CONFLICT') this.count(`conflict ${call.op}`);
      if (String(outcome.details.reason).endsWith(' today')) this.count('no more claims today');
      if (String(outcome.details.reason).endsWith(' referred')) this.count('referred before');
      return;
    }
    if (outcome.replayed) this.count(`replayed ${call.op}`);
    else if (outcome.applied) this.count(`applied ${call.op}`);
    else this.count(`nothing due ${call.op}`);
    if (outcome.replayed || !outcome.applied) return;
    if (outcome.result.kind === 'plan' && outcome.result.value.referrerId) this.count('referred');
    if (call.op === 'commit') this.#countCommit(call, outcome);
    if (call.op === 'reverse' && outcome.result.kind === 'entry') this.#countReversal(outcome.result.entry);
    if (outcome.result.kind === 'entry' && outcome.result.entry.debtAfter > 0n) this.count('left in debt');
  }

  #countCommit(call: Extract<Call, { op: 'commit' }>, outcome: Extract<Outcome, { status: 'ok' }>): void {
    if (outcome.result.kind !== 'entry') return;
    const { entry } = outcome.result;
    if (entry.type === 'deduct') this.count('late charge of an expired hold');
    else if (entry.type === 'release_reserved') this.count('commit that releases');
    else if (entry.delta === 0n) this.count('commit that ends a hold with nothing more');
    else this.count(call.final === false ? 'part capture' : 'final capture');
  }

  #countReversal(entry: Entry): void {
    if (entry.delta > 0n && entry.lot !== null) this.count('reversal of a debit whose debt was repaid');
    if (entry.delta > 0n) this.count('reversal of a debit');
    else if (entry.delta < 0n) this.count('reversal of an addition');
    else this.count('reversal of a scheduled addition');
  }

  /** What an applied call's own entries show beside its result. */
  countEntries(call: Call, entries: readonly Entry[], debtBefore: bigint): void {
    const own = entries.filter((entry) => entry.operation === call.label);
    const last = own[own.length - 1];
    if (own.some(({ type }) => type === 'reinstate')) this.count(`late usage brought credits back by ${call.op}`);
    if (call.op === 'deduct' && call.from) this.count('deducted from some lots');
    const frees = call.op === 'release' || call.op === 'commit' || call.op === 'reverse';
    if (!frees || !last) return;
    if (last.type === 'expire') this.count(`what a ${call.op} freed lapsed`);
    const main = own.findLast((entry) => entry.type !== 'expire');
    if (main && main.delta <= 0n && main.debtAfter < debtBefore) this.count(`debt repaid by a ${call.op}`);
  }

  /** What became of plans that grant another type too. */
  countTypes(call: Extract<Call, { user: string }>, stored: (name: string) => Account): void {
    const { subscription } = stored(call.user).plans;
    const isLater = (call.op === 'upgrade' || call.op === 'cancel') && call.when === 'period_end';
    const what = `${call.op}${isLater ? ' at the end of the period' : ''}`;
    if (subscription?.terms.limits[IMAGE] !== undefined) this.count(`${what} of a plan of images`);
    const isOwn = ({ operation }: Entry) => operation === call.label;
    if (stored(nameOf(call.user, IMAGE)).entries.some(isOwn)) this.count(`${what} wrote two accounts`);
  }

  /** How plans meddle with everything else, from the entries behind the first `from`. */
  countAllocations({ user, entries, lots }: Account, from: number): void {
    const of = typeOf(user) === CREDIT_TYPE ? '' : ' of images';
    const isOfPlan = (id: string | null) => PLANS.some(({ name }) => name === lots.get(id ?? '')?.planId);
    for (const [i, entry] of entries.entries()) {
      if (i < from) continue;
      const { type, allocated, operation, lot, debtAfter } = entry;
      if (type === 'plan_changed' && operation.includes('~')) this.count(`renewed${of}`);
      if (type === 'plan_changed' && operation.endsWith('~1')) this.count('made up for in a second operation');
      if (type === 'reverse' && entries[(entry.reverses ?? 0) - 1]?.allocated)
        this.count(`reversal of an allocation${of}`);
      const isFromPlan = entry.parts.some((part) => isOfPlan(part.lot));
      if (type === 'transfer_out' && isFromPlan) this.count(`transfer of plan credits${of}`);
      if (type === 'reserve' && isFromPlan) this.count(`hold of plan credits${of}`);
      const isFreed = entry.at > (lots.get(lot ?? '')?.expiresAt ?? entry.at) && !entries[i - 1]?.allocated;
      if (type === 'expire' && isOfPlan(lot) && isFreed) this.count('plan credits lapsed when their hold freed them');
      if (!allocated) continue;
      this.count(`granted ${allocated}${of}`);
      if (/~\d+$/.test(operation) && !operation.includes('~~')) this.count(`granted by the job${of}`);
      const next = entries[i + 1];
      if (next?.type === 'expire' && next.lot === lot && next.operation === operation)
        this.count(`granted and lapsed${of}`);
      if (debtAfter < (entries[i - 1]?.debtAfter ?? 0n)) this.count(`debt repaid by an allocation${of}`);
      const isHeld = (id: string) => isOfPlan(id) && (lots.get(id)?.held ?? 0n) > 0n;
      if (allocated !== 'rollover') continue;
      const ended = [...lots.values()].filter(({ id, phase }) => phase === 'lapsed' && isHeld(id));
      if (ended.length > 0) this.count('rolled over beside a hold');
    }
  }

  /** What became of a subscription that renews by payment, in one step. */
  countPayments(before: Subscription | null, after: Subscription | null): void {
    if (!after) return;
    if (before && before.terms !== after.terms) this.count(`plan of ${renewalOf(before)} to ${renewalOf(after)}`);
    const { start, end, whole, bill } = after;
    if (before?.bill.start === bill.start && before.start < start) this.count('granted again in a billing period');
    if (before?.start !== start && whole > end - start) this.count('rest of a billing period begun');
    if (before && before.frozen.size > 0 && after.frozen.size === 0) this.count('frozen credits thawed');
    if (before?.terms.name === after.terms.name && before.terms !== after.terms && before.label === after.label) {
      this.count('terms of renewals taken over');
    }
    if (after.status === 'past_due' && before?.status !== 'past_due') this.count('past due');
    if (!after.renews && after.paid.length > 0 && before?.renews) this.count('cancelled with paid periods ahead');
    if (!before) return;
    if (after.label !== before.label) {
      if (after.paid.length > 0) this.count('paid periods kept by another subscription');
      return;
    }
    if (before.status === 'past_due' && after.status === 'ended') this.count('grace was over');
    if (before.status === 'past_due' && after.start > before.start) this.count('paid late');
    if (after.paid.length > before.paid.length) this.count('paid early');
    if (after.paid.length > before.paid.length && before.paid.length > 0) this.count('several periods paid');
    if (after.paid.length < before.paid.length) this.count('paid period began');
    if (after.paid.length < before.paid.length && !after.renews) this.count('paid period began behind a cancellation');
    if (after.paid.length > 0 && before.terms !== after.terms) this.count('paid periods kept by another plan');
    const isResumed = before.status === 'paused' && after.status !== 'paused';
    if (after.paid.length > 0 && isResumed) this.count('paid periods kept by a pause');
    const isFirst =
      isByPayment(after.terms) && !before.isAllocated && after.isAllocated && after.start === before.start;
    if (isFirst) this.count('first period paid');
  }

  countClock(before: ClockTally, after: ClockTally): void {
    for (const name of Object.keys(after) as (keyof ClockTally)[]) {
      if (after[name] > before[name]) this.count(name, after[name] - before[name]);
    }
  }

  /**
   * What stayed below its floor, given `share` of the runs that the floors are for. Of fewer runs less is certain: what
   * is expected n times may come short by twice the root of n.
   */
  below(floors: Readonly<Record<string, number>>, share: number): string[] {
    return Object.entries(floors)
      .map(
        ([what, floor]) => [what, Math.floor(floor * share - (share < 1 ? 2 * Math.sqrt(floor * share) : 0))] as const,
      )
      .filter(([what, floor]) => this.get(what) < floor)
      .map(([what, floor]) => `${what}: ${this.get(what)} < ${floor}`);
  }

  toString(): string {
    const lines = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return lines.map(([what, times]) => `${what}: ${times}`).join(' · ');
  }
}

function renewalOf({ terms }: Subscription): string {
  return isByPayment(terms) ? 'payments' : 'clock';
}
