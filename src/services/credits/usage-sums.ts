/** Sums entries of an account by day, month, type or model. */
import { MeteredSum, parseAmount, toCredits, UNITS_MAX } from '../../core/amounts.js';
import { creditError, isCreditError } from '../../errors.js';
import type { EntryRow } from '../../models/entry.js';
import type { UsageBy } from '../../models/inputs/credits.js';
import type { UsageSummary } from '../../models/records/usage.js';
import type { JsonObject } from '../../models/values.js';

/** The most lines of one summary: what a call holds in memory. */
const KEYS_MAX = 1_000;

/** One line, in units. */
interface Sums {
  spent: number;
  added: number;
  expired: number;
  calls: number;
}

/** A charge whose entries are still being read: one with an excess has two. */
interface Charge {
  readonly operationId: string;
  readonly metadata: JsonObject;
  units: number;
}

interface ModelCall {
  readonly model: string;
  readonly cost: number;
}

export class UsageSums {
  readonly #sums = new Map<string | null, Sums>();
  readonly #counted = new Map<string | null, string>();
  #charge: Charge | null = null;

  constructor(
    readonly by: UsageBy,
    readonly dayOf: (at: Date) => string,
    readonly scale: number,
  ) {}

  /** Takes the next entry, in the order of their sequence. */
  add(entry: EntryRow): void {
    const { type, delta } = entry;
    if (delta === 0) return;
    const isCharge = isChargeOf(entry);
    if (isCharge && this.by === 'model') {
      this.#addCharge(entry);
      return;
    }
    const key = this.#keyOf(entry);
    const sums = this.#line(key);
    if (type === 'expire') sums.expired -= delta;
    else if (isSpending(entry)) sums.spent -= delta;
    else sums.added += delta;
    if (!isCharge || this.#counted.get(key) === entry.operationId) return;
    this.#counted.set(key, entry.operationId);
    sums.calls++;
  }

  /** The lines, by key; what belongs to no model comes last. */
  lines(): readonly UsageSummary[] {
    this.#settle();
    const order = [...this.#sums].sort(([a], [b]) => (a === null ? 1 : b === null || a < b ? -1 : 1));
    return order.map(([key, { spent, added, expired, calls }]) => {
      return { key, spent: this.#credits(spent), added: this.#credits(added), expired: this.#credits(expired), calls };
    });
  }

  #keyOf({ type, at }: EntryRow): string | null {
    if (this.by === 'type') return type;
    return this.by === 'model' ? null : this.dayOf(at).slice(0, this.by === 'day' ? 10 : 7);
  }

  #line(key: string | null): Sums {
    const known = this.#sums.get(key);
    if (known) return known;
    if (this.#sums.size === KEYS_MAX) {
      const message = `The summary would have more than ${KEYS_MAX} lines. Ask for a shorter time, or by month.`;
      throw creditError('LIMIT_EXCEEDED', message, { what: 'usageLines', limit: KEYS_MAX });
    }
    const made = { spent: 0, added: 0, expired: 0, calls: 0 };
    this.#sums.set(key, made);
    return made;
  }

  #credits(units: number): number {
    if (Math.abs(units) <= UNITS_MAX) return toCredits(units, this.scale);
    const max = toCredits(UNITS_MAX, this.scale);
    throw creditError('AMOUNT_TOO_LARGE', `A sum is beyond ${max} credits. Ask for a shorter time.`, { max });
  }

  #addCharge({ operationId, metadata, delta }: EntryRow): void {
    if (this.#charge?.operationId !== operationId) this.#settle();
    this.#charge ??= { operationId, metadata, units: 0 };
    this.#charge.units -= delta;
  }

  /**
   * Divides a charge among the models that it names. Their costs are summed exactly and rounded up once, as the charge
   * itself was, so that the parts are exact and never more than the charge. The rest belongs to no model.
   */
  #settle(): void {
    const charge = this.#charge;
    if (!charge) return;
    this.#charge = null;
    const calls = modelCallsOf(charge.metadata);
    const costs = new MeteredSum(this.scale);
    let taken = 0;
    for (const { model, cost } of calls) {
      if (!fits(costs, cost)) continue;
      const until = Math.min(charge.units, parseAmount(costs.total, { scale: this.scale, zero: true }));
      const line = this.#line(model);
      line.spent += until - taken;
      line.calls++;
      taken = until;
    }
    if (taken === charge.units) return;
    const rest = this.#line(null);
    rest.spent += charge.units - taken;
    if (calls.length === 0) rest.calls++;
  }
}

function isChargeOf({ type, delta }: EntryRow): boolean {
  return (type === 'deduct' || type === 'commit_reserved') && delta < 0;
}

/** Whether an entry spends credits, sends them to others, or gives back what was spent. */
export function isSpending(entry: EntryRow): boolean {
  const { type, delta } = entry;
  return isChargeOf(entry) || type === 'transfer_out' || (type === 'reverse' && delta > 0);
}

/**
 * The calls that a meter has recorded; earlier versions named them `usage`. Metadata is the host's: whatever has
 * another form records no call.
 */
function modelCallsOf({ usage, llm_usage: records = usage }: JsonObject): readonly ModelCall[] {
  if (!Array.isArray(records)) return [];
  return (records as unknown[]).filter((record): record is ModelCall => {
    const { model, cost } = Object(record) as Readonly<Record<string, unknown>>;
    return typeof model === 'string' && typeof cost === 'number' && cost >= 0;
  });
}

/** Adds a cost, unless the sum would be beyond the largest amount. */
function fits(costs: MeteredSum, cost: number): boolean {
  try {
    costs.add(cost);
    return true;
  } catch (error) {
    if (isCreditError(error, 'AMOUNT_TOO_LARGE')) return false;
    throw error;
  }
}
