/** The rows of payments, and the one command that changes them, for all verbs of payments. */
import type { CommandOf, InboxMessage } from '../../core/command.js';
import { keysOf } from '../../core/payment.js';
import { accountRef } from '../../models/account.js';
import type { MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import type { PaymentMessageRow, PaymentRow } from '../../models/payment.js';
import { providerKey } from '../../models/payment.js';
import type { JsonObject } from '../../models/values.js';
import type { Engine } from '../pipeline/engine.js';
import { type Answer, answered } from '../pipeline/operation.js';
import { type Along, RowReads } from '../pipeline/row-reads.js';
import { storageError } from '../store/storage-error.js';
import { writeOf } from '../store/tables.js';
import { messageOf } from './messages.js';
import type { Prices } from './pricing.js';
import type { Providers } from './providers.js';

type Change = Omit<CommandOf<'change_payment'>, 'type' | 'paymentId'>;

/** A call that changes a payment: its verb, its input, and the account that the payment belongs to. */
export interface PaymentCall<S> {
  readonly operation: string;
  readonly given: JsonObject;
  readonly options: MutationOptions<S>;
  readonly account: { readonly creditType: string; readonly userId: string };
}

/** The most waiting messages that one commit takes with it. */
const WAITING_MAX = 50;

export class Payments<S> {
  readonly reads: RowReads<S>;

  constructor(
    readonly engine: Engine<S>,
    readonly providers: Providers,
    readonly prices: Prices,
  ) {
    this.reads = new RowReads(engine);
  }

  get(id: string, options: ReadOptions<S> = {}): Promise<PaymentRow | null> {
    return this.reads.get('payment', id, options);
  }

  /** The present instant; before the database was asked, that of this machine. */
  now(): Date {
    return new Date(this.engine.nowForReports());
  }

  /** Decides a change of a payment in one commit with its messages. */
  async change(paymentId: string, change: Partial<Change>, call: PaymentCall<S>): Promise<Answer> {
    const { operation, given, options, account } = call;
    const { messages = [], sent = [], opened, link } = change;
    const keys = new Set(messages.flatMap((message) => keysOf(message)));
    if (opened?.paidAs) keys.add(providerKey(opened.provider, 'payment', opened.paidAs));
    return answered(
      await this.engine.mutate({
        ...{ operation, given, options },
        accounts: [accountRef(account.creditType, account.userId)],
        // Calls of this process that name the same thing of a provider wait for one another, so that none conflicts.
        documents: [...keys].sort().map((key) => `provider:${key}`),
        command: () => ({
          ...{ type: 'change_payment', paymentId, messages, sent },
          ...(opened && { opened }),
          ...(link && { link }),
        }),
      }),
    );
  }

  /** The payment that a provider calls by one of these names, the first that is known. */
  async named(keys: readonly string[], options: ReadOptions<S>): Promise<PaymentRow | null> {
    if (keys.length === 0) return null;
    const { session, fresh } = options;
    const refs = await this.engine.read(options, (timeoutMs) =>
      this.engine.store.getMany('provider_ref', keys, { session, fresh, timeoutMs }),
    );
    const ref = refs.find((row) => row !== null);
    return ref ? this.get(ref.paymentId, options) : null;
  }

  /** The messages that wait for a payment of a provider, oldest first. */
  waitingFor(provider: string, providerPaymentId: string, options: ReadOptions<S>): Promise<InboxMessage[]> {
    return this.waiting(provider, { index: 'provider_payment', equals: { providerPaymentId } }, options);
  }

  /** The messages of a provider that wait along an index. */
  async waiting(provider: string, along: Along, options: ReadOptions<S>): Promise<InboxMessage[]> {
    const waiting: InboxMessage[] = [];
    for await (const rows of this.reads.pages('payment_message', along, options)) {
      for (const row of rows) {
        const message = row.status === 'waiting' && row.provider === provider ? messageOf(row) : null;
        if (message && waiting.length < WAITING_MAX) waiting.push(message);
      }
    }
    return waiting;
  }

  /** Writes one message by itself; false where it is there already, or was changed meanwhile. */
  async write(row: PaymentMessageRow, options: ReadOptions<S>): Promise<boolean> {
    return this.engine.read(options, async (timeoutMs) => {
      const outcome = await this.engine.store.writeOne([writeOf('payment_message', row)], { timeoutMs });
      if (outcome.status === 'committed') return true;
      if (outcome.status === 'conflict' || outcome.status === 'locked' || outcome.status === 'duplicate') return false;
      throw storageError(outcome.cause);
    });
  }
}
