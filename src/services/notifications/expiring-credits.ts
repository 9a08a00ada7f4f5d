/** The notification of credits of one account that lapse soon. */
import type { AccountRef } from '../../models/account.js';
import { announced, announcement, expiringGrants } from './expiring-grants.js';
import type { Notifier } from './notifier.js';

/** Whether this call wrote it: one of any number of calls announces a grant. */
export async function tellExpiring<S>(
  notifier: Notifier<S>,
  account: AccountRef,
  withinDays: number,
): Promise<boolean> {
  const { engine, timeoutMs } = notifier.config;
  for (;;) {
    const found = expiringGrants(notifier.present(await notifier.stored(account)), withinDays);
    const known = await announced(engine.store, [found], timeoutMs);
    const unit = announcement(found, { known, id: engine.newId(), scale: engine.scale });
    if (!unit) return false;
    if (await notifier.write(unit)) return true;
    // Another call has just announced one of these grants: the others are found anew.
  }
}
