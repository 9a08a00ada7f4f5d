/** Tells log and health when events wait and nobody delivers them. */
import type { DeliveryRow } from '../../models/delivery.js';
import type { Health } from '../../models/records/health.js';
import type { LoggerLike } from '../../ports/logger.js';
import type { Store } from '../store/store.js';
import { NOTIFICATIONS, type Receiver, receiverOf } from './lanes.js';

/** Longer than the pause of a schedule that runs every hour. */
const FORGOTTEN_AFTER_MS = 70 * 60_000;
/** The same where nobody has ever delivered to the receiver, or not for a week: most likely no relay was set up. */
const NEVER_RUN_AFTER_MS = 60_000;
const TIMEOUT_MS = 10_000;
const REMEDY = 'Call manager.start() or jobs.runOutbox() in a process that has the receiver, or remove the sink.';

/** The first row that waits for a receiver, as it was first seen. */
interface Head {
  readonly id: string;
  readonly version: number;
  readonly since: number;
  readonly isTold: boolean;
}

export class ForgottenRelay<S> {
  readonly #heads = new Map<string, Head>();
  #isLooking = false;

  constructor(
    readonly store: Store<S>,
    readonly logger: LoggerLike,
  ) {}

  /** The receivers that nobody delivers to, by what was last seen. */
  get undelivered(): Health['undelivered'] {
    const told = [...this.#heads].filter(([, { isTold }]) => isTold);
    return told.map(([receiver, { since }]) => ({ receiver, waitingSince: new Date(since) }));
  }

  /**
   * Looks at the first row that waits for each receiver. One that nobody has tried to deliver since it was first seen
   * is told once: after more than an hour, or after a minute where nobody has ever delivered to the receiver. Never
   * rejects.
   */
  async look(timeoutMs = TIMEOUT_MS): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { wanted, hasQueue } = this.store.sinks;
    try {
      for (const { name } of wanted) await this.#lookAt(name, receiverOf(name), timeoutMs);
      if (hasQueue) await this.#lookAt('notifications', NOTIFICATIONS, timeoutMs);
    } catch (err) {
      this.logger.warn({ err }, 'The outbox could not be looked at');
    } finally {
      this.#isLooking = false;
    }
  }

  async #lookAt(name: string, receiver: Receiver, timeoutMs: number): Promise<void> {
    const row = await this.#first(receiver, 'pending', timeoutMs);
    const now = this.store.time.now();
    const known = this.#heads.get(name);
    if (row === null) this.#heads.delete(name);
    else if (known?.id !== row.id || known.version !== row.version) {
      this.#heads.set(name, { id: row.id, version: row.version, since: now, isTold: false });
    } else if (!known.isTold && now - known.since >= NEVER_RUN_AFTER_MS) {
      if (now - known.since < FORGOTTEN_AFTER_MS && (await this.#wasServed(row, receiver, timeoutMs))) return;
      this.#heads.set(name, { ...known, isTold: true });
      const told = { receiver: name, id: row.id, waitingSince: new Date(known.since).toISOString() };
      this.logger.warn(told, `Events wait and nobody delivers them. ${REMEDY}`);
    }
  }

  /** Whether somebody has tried this row, or delivered another one to the receiver in the last week. */
  async #wasServed(row: DeliveryRow, receiver: Receiver, timeoutMs: number): Promise<boolean> {
    const isTried = row.claimedBy !== null || row.attempts + row.unreached > 0;
    return isTried || (await this.#first(receiver, 'sent', timeoutMs)) !== null;
  }

  #first({ model, fixed }: Receiver, status: DeliveryRow['status'], timeoutMs: number): Promise<DeliveryRow | null> {
    return this.store.findOne(model, { index: 'queue', equals: { ...fixed, status } }, { timeoutMs });
  }
}
