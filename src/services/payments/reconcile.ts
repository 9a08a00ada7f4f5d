/** Makes good what webhooks missed, and deletes messages that are old and done with. */
import { isCreditError } from '../../errors.js';
import { type ReconcileOptions, reconcileSchema } from '../../models/inputs/payments.js';
import type { PaymentRow } from '../../models/payment.js';
import type { ProviderEvent } from '../../models/provider-event.js';
import type { Skipped } from '../../models/records/run.js';
import { parseOptions } from '../input/parse.js';
import { skippedOf } from '../store/skipped.js';
import type { ReconcileReport } from './contract.js';
import type { Inbox, Received } from './inbox.js';
import { inboxMessage, messageOf, placeOf } from './messages.js';
import type { Payments } from './payments.js';
import type { TopUpWork } from './top-up-work.js';
import { claimedOf, isUnclaimed } from './unclaimed.js';

const DAY_MS = 24 * 3600 * 1000;
const SINCE_MS = 3 * DAY_MS;
const SKIPPED_MAX = 100;

/** Ends a run before its end; nothing is wrong. */
const CUT = new Error('The run was cut.');
const DELETED_AT_ONCE = 200;
/** Our requests for refunds: their rows keep a key from giving money back twice. */
const REFUNDS: ReadonlySet<string> = new Set(['refund_intended', 'refund']);

/** Statuses of payments that may still go on, so that their provider is asked. */
const OPEN = ['pending', 'authorized', 'failed', 'expired', 'cancelled', 'partially_paid'] as const;

interface Run {
  checked: number;
  changed: number;
  waiting: number;
  skippedCount: number;
  readonly skipped: Skipped[];
  readonly goOn: () => Promise<boolean>;
}

export class Reconcile<S> {
  constructor(
    readonly payments: Payments<S>,
    readonly inbox: Inbox<S>,
    readonly topUps: TopUpWork<S>,
  ) {}

  hasProviders(): boolean {
    return this.payments.providers.names().length > 0;
  }

  /** For a caller, who gets any error of the database. */
  async reconcile(given: ReconcileOptions | undefined): Promise<ReconcileReport> {
    const { since, ...options } = parseOptions(reconcileSchema, given);
    await this.payments.engine.read(options, () => {});
    const { isCut: _, ...report } = await this.run({ ...options, since });
    return report;
  }

  /** For the job: `goOn` is asked before each row, and the run is cut where it answers false. */
  async run({
    since,
    goOn = async () => true,
    ...options
  }: Pick<ReconcileOptions, 'signal' | 'timeoutMs'> & {
    readonly since?: number | undefined;
    readonly goOn?: () => Promise<boolean>;
  }): Promise<ReconcileReport & { readonly isCut: boolean }> {
    const run: Run = { checked: 0, changed: 0, waiting: 0, skippedCount: 0, skipped: [], goOn };
    const from = new Date(since ?? this.payments.engine.now() - SINCE_MS);
    let isCut = false;
    try {
      await this.#topUps(run, options);
      await this.#openPayments(run, from, options);
      await this.#eventsSince(run, from, options);
      await this.#waiting(run, options);
    } catch (error) {
      if (error !== CUT) throw error;
      isCut = true;
    }
    const { goOn: _, ...report } = run;
    return { ...report, isCut };
  }

  /**
   * Deletes messages of before an instant: those that are done with, but for those that tell of refunds, and those that
   * name nothing of ours and still wait.
   */
  async deleteBefore(before: Date, signal: AbortSignal | undefined): Promise<number> {
    const { store } = this.payments.engine;
    let deleted = 0;
    const query = { index: 'created', range: { field: 'createdAt', lt: before }, limit: DELETED_AT_ONCE } as const;
    for await (const rows of this.payments.reads.pages('payment_message', query, { signal })) {
      const old = rows.filter((row) => (row.status !== 'waiting' && !REFUNDS.has(row.type)) || isUnclaimed(row));
      const units = old.map(({ id, version }) => [
        { op: 'delete', model: 'payment_message', key: id, expectedVersion: version } as const,
      ]);
      if (units.length === 0) continue;
      const outcomes = await store.write(units);
      deleted += outcomes.filter(({ status }) => status === 'committed').length;
    }
    return deleted;
  }

  /** Charges what automatic top-ups began, and looks again at those that a limit kept from buying. */
  async #topUps(run: Run, options: ReconcileOptions): Promise<void> {
    for await (const keys of this.topUps.due(options)) {
      for (const key of keys) {
        await this.#look(run, key, options.signal, async () => {
          if (await this.topUps.run(key, options)) run.changed++;
        });
      }
    }
  }

  async #openPayments(run: Run, from: Date, options: ReconcileOptions): Promise<void> {
    for (const status of OPEN) {
      const along = { index: 'status', equals: { status }, range: { field: 'createdAt', gte: from } } as const;
      for await (const rows of this.payments.reads.pages('payment', along, { signal: options.signal })) {
        for (const row of rows) await this.#look(run, row.id, options.signal, () => this.#ask(run, row, options));
      }
    }
  }

  /** Asks the provider how a payment stands, and takes what it tells as events. */
  async #ask(run: Run, row: PaymentRow, options: ReconcileOptions): Promise<void> {
    const provider = this.payments.providers.get(row.provider);
    const events = await provider.fetchPayment({
      ...{ reference: row.id, providerLinkId: row.providerLinkId },
      providerPaymentId: row.providerPaymentIds[0] ?? null,
      signal: options.signal ?? new AbortController().signal,
    });
    let changed = false;
    for (const event of events) {
      const received = await this.#take(row.provider, { ...event, eventId: null }, 'fetched', options);
      changed ||= received.changed && received.result.error === null;
    }
    if (changed) run.changed++;
  }

  async #eventsSince(run: Run, from: Date, options: ReconcileOptions): Promise<void> {
    for (const provider of this.payments.providers.all()) {
      if (!provider.listSince) continue;
      const signal = options.signal ?? new AbortController().signal;
      await this.#look(run, provider.name, options.signal, async () => {
        for await (const event of provider.listSince?.(from, signal) ?? []) {
          await this.#look(run, `${provider.name}/${event.eventId ?? event.type}`, options.signal, async () => {
            const received = await this.#take(provider.name, event, 'listed', options);
            if (received.changed && received.result.error === null) run.changed++;
          });
        }
      });
    }
  }

  /** Looks again at messages that wait: their payments may be known by now, or their accounts have room. */
  async #waiting(run: Run, options: ReconcileOptions): Promise<void> {
    const along = { index: 'status', equals: { status: 'waiting' } } as const;
    for await (const rows of this.payments.reads.pages('payment_message', along, { signal: options.signal })) {
      const unclaimed = rows.filter(isUnclaimed);
      const claimed = new Set(await claimedOf(this.payments, unclaimed, { ...options, fresh: true }));
      run.waiting += unclaimed.length - claimed.size;
      for (const row of rows) {
        const message = messageOf(row);
        if (!message || (isUnclaimed(row) && !claimed.has(row))) continue;
        await this.#look(run, row.id, options.signal, async () => {
          const { result } = await this.inbox.receive(message, options);
          if (result.error === null) run.changed++;
          else run.waiting++;
        });
      }
    }
  }

  #take(provider: string, event: ProviderEvent, kind: string, options: ReconcileOptions): Promise<Received> {
    const at = this.payments.now();
    return this.inbox.receive(inboxMessage(provider, event, { place: placeOf(kind, event), payload: {}, at }), options);
  }

  /** One row or event; a failure is reported, and the rest goes on. */
  async #look(run: Run, id: string, signal: AbortSignal | undefined, look: () => Promise<void>): Promise<void> {
    if (signal?.aborted || !(await run.goOn())) throw CUT;
    run.checked++;
    try {
      await look();
    } catch (error) {
      if (error === CUT || isCreditError(error, 'CLOSED')) throw error;
      run.skippedCount++;
      if (run.skipped.length < SKIPPED_MAX) run.skipped.push(skippedOf(id, error));
    }
  }
}
