/**
 * What a monthly subscription comes to, from the words of the rules alone: periods are months since an anchor, each is
 * granted once, what is left lapses at its end; what an earlier period was granted counts until that one's end, and
 * falls due then for as much of the period as is left; nothing is granted further ahead of what time has earned than
 * one limit. In units. Shares no code with the library.
 */
export interface OraclePlan {
  readonly limit: number;
  readonly days: number | null;
}
interface Lot {
  left: number;
  readonly from: number;
  readonly until: number;
}

const DAY = 86_400_000;

/** The limit of a plan, and how long it takes to be earned, in its period and at most. */
export interface Pace {
  readonly limit: bigint;
  readonly length: number;
  readonly longest: number;
}

/** What was granted and not earned at an instant, and the pace from then on. */
export interface Ahead extends Pace {
  readonly amount: bigint;
  readonly from: number;
}

export function aheadAt({ amount, from, limit, length }: Ahead, at: number): bigint {
  const [elapsed, whole] = [BigInt(Math.max(0, at - from)), BigInt(length)];
  const earned = (limit * elapsed + whole - 1n) / whole;
  return amount > earned ? amount - earned : 0n;
}

/** A period begins: the pace is that of its plan, or the one before at its slowest while something is ahead of it. */
export function paced(before: Ahead | undefined, pace: Pace, at: number): Ahead {
  const amount = before ? aheadAt(before, at) : 0n;
  const isFaster = before && amount > 0n && before.limit * BigInt(pace.length) > pace.limit * BigInt(before.longest);
  return { ...(isFaster ? { ...before, length: before.longest } : pace), amount, from: at };
}

/** What may be granted of an amount: no more than one limit is ahead then. */
export function allowed(wanted: bigint, limit: bigint, ahead: Ahead, at: number): bigint {
  const room = limit - aheadAt(ahead, at);
  return room < 0n ? 0n : room < wanted ? room : wanted;
}

/** The same day of the month, `n` months later, or the last one of a shorter month. */
export function monthsAfter(anchor: number, n: number): number {
  const date = new Date(anchor);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + n, date.getUTCDate()];
  for (let last = day; ; last--) {
    const at = new Date(Date.UTC(year, month, last));
    if (at.getUTCMonth() === ((month % 12) + 12) % 12) return at.getTime() + (anchor % DAY);
  }
}

export class Oracle {
  now: number;
  granted = 0;
  #lots: Lot[] = [];
  #plan: OraclePlan | null = null;
  #next: OraclePlan | null = null;
  #anchor = 0;
  #index = 0;
  #start = 0;
  #end = 0;
  #renews = true;
  #pausedAt: number | null = null;
  #had = { amount: 0, until: 0 };
  #carried = { amount: 0, until: 0 };
  #ahead: Ahead | undefined;

  constructor(now: number) {
    this.now = now;
  }

  get isOn(): boolean {
    return this.#plan !== null;
  }

  get isPaused(): boolean {
    return this.#pausedAt !== null;
  }

  get period(): readonly [number, number] | null {
    return this.#plan && [this.#start, this.#end];
  }

  get balance(): number {
    return this.#lots.reduce(
      (sum, { left, from, until }) => sum + (from <= this.now && this.now < until ? left : 0),
      0,
    );
  }

  set(plan: OraclePlan): void {
    this.#catchUp();
    this.#wake();
    this.#begin(plan);
    this.#renews = true;
  }

  upgrade(plan: OraclePlan, when: 'now' | 'period_end'): void {
    this.#catchUp();
    if (!this.#plan) {
      this.set(plan);
      return;
    }
    if (when === 'period_end') {
      this.#next = plan;
      this.#renews = true;
      return;
    }
    this.#wake();
    this.#begin(plan);
    this.#renews = true;
  }

  cancel(): void {
    this.#catchUp();
    this.#renews = false;
    this.#next = null;
  }

  pause(): void {
    this.#catchUp();
    this.#pausedAt ??= this.now;
  }

  resume(): void {
    this.#wake();
  }

  remove(): void {
    this.#catchUp();
    this.#wake();
    this.#plan = null;
    this.#next = null;
  }

  deduct(amount: number): void {
    for (const lot of this.#lots.toSorted((a, b) => a.until - b.until)) {
      const part = lot.from <= this.now && this.now < lot.until ? Math.min(lot.left, amount) : 0;
      lot.left -= part;
      amount -= part;
    }
  }

  /** The job, or any change of the subscription. */
  renew(): void {
    this.#catchUp();
  }

  #begin(plan: OraclePlan): void {
    this.#plan = plan;
    this.#next = null;
    this.#anchor = this.now;
    this.#index = 1;
    this.#start = this.now;
    this.#end = monthsAfter(this.now, 1);
    this.#grant();
  }

  #catchUp(): void {
    this.#payCarried();
    while (this.#plan && this.#pausedAt === null && this.#end <= this.now) {
      if (!this.#renews) {
        this.#plan = null;
        return;
      }
      this.#plan = this.#next ?? this.#plan;
      this.#next = null;
      this.#index++;
      this.#start = this.#end;
      this.#end = monthsAfter(this.#anchor, this.#index);
      this.#grant();
      this.#payCarried();
    }
  }

  /** What an earlier period kept from this one: it stops counting, and falls due for the rest of this one. */
  #payCarried(): void {
    const { amount, until } = this.#carried;
    if (!this.#plan || this.#pausedAt !== null || until <= this.#start || until > this.now || until >= this.#end)
      return;
    this.#carried = { amount: 0, until: 0 };
    const share = (this.#end - until) / (this.#end - this.#start);
    const due = this.#expiry > until ? Math.floor(Math.min(this.#plan.limit, amount) * share) : 0;
    const given = this.#take(due, until);
    this.#had = { amount: this.#had.amount - amount + given, until: this.#end };
    if (given > 0) this.#add(given, until);
  }

  #wake(): void {
    if (this.#pausedAt === null) return;
    const slept = this.now - this.#pausedAt;
    if (this.#had.until > this.#pausedAt) this.#had.until += slept;
    if (this.#carried.until > this.#pausedAt) this.#carried.until += slept;
    this.#end += slept;
    this.#anchor = this.#end;
    this.#index = 0;
    this.#pausedAt = null;
  }

  #grant(): void {
    const { limit } = this.#plan as OraclePlan;
    if (this.#start >= this.#had.until) this.#had = this.#carried = { amount: 0, until: 0 };
    if (this.#start >= this.#carried.until) {
      this.#had = { ...this.#had, amount: this.#had.amount - this.#carried.amount };
      this.#carried = { ...this.#had };
    }
    // What ends with this very period keeps nothing from it.
    if (this.#carried.until === this.#end) this.#carried = { amount: 0, until: 0 };
    const length = this.#end - this.#start;
    this.#ahead = paced(this.#ahead, { limit: BigInt(limit), length, longest: 31 * DAY }, this.#start);
    const amount = Math.max(0, limit - this.#had.amount);
    if (amount === 0) return;
    // What could not be granted yet counts as granted all the same.
    this.#had = { amount: this.#had.amount + amount, until: this.#end };
    const given = this.#take(amount, this.#start);
    if (given > 0) this.#add(given, this.#start);
  }

  #take(wanted: number, at: number): number {
    const ahead = this.#ahead as Ahead;
    const given = Number(allowed(BigInt(wanted), BigInt((this.#plan as OraclePlan).limit), ahead, at));
    this.#ahead = { ...ahead, amount: ahead.amount + BigInt(given) };
    return given;
  }

  get #expiry(): number {
    const { days } = this.#plan as OraclePlan;
    return days === null ? this.#end : this.#start + days * DAY;
  }

  #add(amount: number, from: number): void {
    this.granted += amount;
    this.#lots.push({ left: amount, from, until: this.#expiry });
  }
}
