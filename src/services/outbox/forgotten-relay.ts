/** Tells the log when events wait and nobody delivers them. */
import type { DeliveryRow } from '../../models/delivery.js';
import type { LoggerLike } from '../../ports/logger.js';
import type { Store } from '../store/store.js';
import { NOTIFICATIONS, type Receiver, receiverOf } from './lanes.js';

/** Longer than the pause of a schedule that runs every hour. */
const FORGOTTEN_AFTER_MS = 70 * 60_000;
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

  /**
   * Looks at the first row that waits for each receiver. One that nobody has tried to deliver since it was first seen,
   * for more than an hour, is told once. Never rejects.
   */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { wanted, hasQueue } = this.store.sinks;
    try {
      for (const { name } of wanted) await this.#lookAt(name, receiverOf(name));
      if (hasQueue) await this.#lookAt('notifications', NOTIFICATIONS);
    } catch (err) {
      this.logger.warn({ err }, 'The outbox could not be looked at');
    } finally {
      this.#isLooking = false;
    }
  }

  async #lookAt(receiver: string, { model, fixed }: Receiver): Promise<void> {
    const query = { index: 'queue', equals: { ...fixed, status: 'pending' } };
    const row: DeliveryRow | null = await this.store.findOne(model, query, { timeoutMs: TIMEOUT_MS });
    const now = this.store.time.now();
    const known = this.#heads.get(receiver);
    if (row === null) this.#heads.delete(receiver);
    else if (known?.id !== row.id || known.version !== row.version) {
      this.#heads.set(receiver, { id: row.id, version: row.version, since: now, isTold: false });
    } else if (!known.isTold && now - known.since >= FORGOTTEN_AFTER_MS) {
      this.#heads.set(receiver, { ...known, isTold: true });
      const told = { receiver, id: row.id, waitingSince: new Date(known.since).toISOString() };
      this.logger.warn(told, `Events have waited for more than an hour and nobody delivers them. ${REMEDY}`);
    }
  }
}
