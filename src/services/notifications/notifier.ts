/** The steps that every notification by hand takes: the account as it is, a row that is written once, delivery. */
import { type Account, emptyAccount } from '../../core/account.js';
import { advanced } from '../../core/advance.js';
import { accountFromRow } from '../../core/rows.js';
import { creditError } from '../../errors.js';
import type { AccountRef } from '../../models/account.js';
import { type NotifyOptions, notifySchema } from '../../models/inputs/notifications.js';
import type { Unit } from '../../ports/db-manager.js';
import { withDeadline } from '../../timers.js';
import { parse, parseId } from '../input/parse.js';
import { type DecisionSettings, readingContext } from '../pipeline/context.js';
import type { Engine } from '../pipeline/engine.js';
import { writeOnce } from './write-once.js';

export interface NotificationConfig<S> {
  readonly engine: Engine<S>;
  readonly settings: () => DecisionSettings;
  readonly creditTypes: readonly string[];
  readonly timeoutMs: number;
  /** Delivers the notifications of an account. */
  readonly deliver: (account: string) => Promise<void>;
}

export class Notifier<S> {
  constructor(readonly config: NotificationConfig<S>) {}

  /** @throws INVALID_ARGUMENT for a credit type that is not declared */
  accountOf(userId: unknown, options?: NotifyOptions): AccountRef {
    const { engine, creditTypes } = this.config;
    const { creditType = 'credits' } = options === undefined ? {} : parse(notifySchema, options);
    if (!creditTypes.includes(creditType)) {
      const expected = creditTypes.join(' | ');
      const message = `The credit type ${JSON.stringify(creditType)} is not declared.`;
      throw creditError('INVALID_ARGUMENT', message, { path: 'creditType', expected });
    }
    return engine.account(creditType, parseId(userId, 'userId'));
  }

  /** Runs on an open store. @throws CONFIGURATION where no process has a queue */
  call<T>(run: () => Promise<T>): Promise<T> {
    const { engine, timeoutMs } = this.config;
    return engine.read({ timeoutMs }, async () => {
      if (await this.hasQueue()) return run();
      const problem = 'no process of this database ever had the option queue';
      throw creditError('CONFIGURATION', `Nobody can be notified: ${problem}.`, { problems: [problem] });
    });
  }

  /** Whether any process has a queue. The first queue may be a minute younger than what this process knows. */
  async hasQueue(): Promise<boolean> {
    const { sinks } = this.config.engine.store;
    if (!sinks.hasQueue) await sinks.learn();
    return sinks.hasQueue;
  }

  /** The account as its last operation left it. */
  async stored({ key, creditType, userId }: AccountRef): Promise<Account> {
    const { engine, timeoutMs } = this.config;
    const row = await engine.store.get('account', key, { timeoutMs, fresh: true });
    return row ? accountFromRow(row) : emptyAccount(creditType, userId);
  }

  /** The account as it is now. Nothing is written. */
  present(account: Account): Account {
    const { engine, settings } = this.config;
    return advanced(account, Math.max(engine.now(), account.at), readingContext(settings(), account.creditType));
  }

  /** Whether this call wrote the unit, whose first row exists once. */
  write(unit: Unit): Promise<boolean> {
    const { engine, timeoutMs } = this.config;
    return writeOnce(engine.store, unit, timeoutMs);
  }

  /** Delivers what is written. A queue that is slow or away leaves the row pending, and fails no call. */
  async deliver({ key }: AccountRef): Promise<void> {
    const { engine, deliver, timeoutMs } = this.config;
    const late = () => new Error('The queue is slow; the notification stays pending.');
    await withDeadline(deliver(key), timeoutMs, late).catch((err) =>
      engine.logger.warn({ err, account: key }, 'A notification was not delivered at once'),
    );
  }
}
