/**
 * What a monthly subscription comes to, from the words of the rules alone: periods are months since an anchor, each is
 * granted once, what is left lapses at its end; what an earlier period was granted counts until that one's end, and
 * falls due then for as much of the period as is left. In units. Shares no code with the library.
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
    this.#had = { amount: this.#had.amount - amount + due, until: this.#end };
    if (due > 0) this.#add(due, until);
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
    const amount = Math.max(0, limit - this.#had.amount);
    if (amount === 0) return;
    this.#had = { amount: this.#had.amount + amount, until: this.#end };
    this.#add(amount, this.#start);
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
