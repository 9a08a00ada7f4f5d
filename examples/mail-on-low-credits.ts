/**
 * A queue that sends mails: whoever runs low is told once, however often they spend after that, and again only after
 * they were above the threshold. The sender is given from outside; this one prints.
 */
import assert from 'node:assert/strict';
import { createCreditManagement, type NotificationMessage, type NotificationQueue } from 'credit-management';

interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}
type Send = (mail: Mail) => Promise<void>;

/** Sends each notification once, though it may come twice: a mail cannot be taken back. */
class MailQueue implements NotificationQueue {
  // In production a table with this id as its key, in the database of the mails.
  readonly #sent = new Set<string>();

  constructor(
    readonly send: Send,
    readonly addressOf: (userId: string) => string | undefined,
  ) {}

  async enqueue(message: NotificationMessage) {
    const to = this.addressOf(message.user_id);
    // Trying again would not help: after some refusals the notification is `failed`, and says why.
    if (to === undefined) return { rejected: 'the user has no address' };
    if (this.#sent.has(message.notification_id)) return undefined;
    // A mail server that is away throws: the message comes again, and the user's later ones wait behind it.
    await this.send({ to, ...contentOf(message) });
    this.#sent.add(message.notification_id);
    return undefined;
  }
}

function contentOf({ type, payload }: NotificationMessage): Pick<Mail, 'subject' | 'text'> {
  switch (type) {
    case 'low_credits':
      return { subject: 'You are running low', text: `${payload.current_credits.available} credits are left.` };
    case 'expiring_credits': {
      const { expiring_credits, within_days } = payload;
      return { subject: 'Credits expire soon', text: `${expiring_credits} credits expire within ${within_days} days.` };
    }
    case 'transaction_error':
      return { subject: 'A charge failed', text: payload.message };
    default:
      return payload satisfies never;
  }
}

const mails: Mail[] = [];
let isAway = true;
const send: Send = async (mail) => {
  if (isAway) throw new Error('The mail server is away');
  mails.push(mail);
  console.log(`to ${mail.to}: ${mail.subject}. ${mail.text}`);
};

let now = Date.parse('2030-01-01T09:00:00Z');
const manager = createCreditManagement({
  queue: new MailQueue(send, (userId) => (userId === 'ghost' ? undefined : `${userId}@example.com`)),
  defaults: { lowCreditThreshold: 10 },
  clock: { now: () => new Date(now) },
  outbox: { maxRefusals: 1 },
});
const { credits, notifications } = manager;

await credits.addCredits('ada', 50, { expiresAt: '2030-01-05T00:00:00Z' });
// One crossing, and the notification is in its commit: nothing is lost, whatever happens to this process now.
for (let i = 0; i < 4; i++) await credits.deductCredits('ada', 11);
assert.equal((await notifications.listNotifications({ status: 'pending' })).items.length, 1);

const first = await manager.jobs.runOutbox();
console.log('the mail server is away:', first.skipped[0]?.message);
isAway = false;
now += 60_000;
await manager.jobs.runOutbox();

await credits.addCredits('ada', 20);
await credits.deductCredits('ada', 18);
await notifications.notifyExpiringForAll(7);
await credits.addCredits('ghost', 11);
await credits.deductCredits('ghost', 11);
await manager.jobs.runOutbox();

const failed = await notifications.listNotifications({ status: 'failed' });
console.log('failed:', failed.items.map(({ userId, error }) => `${userId}, ${error}`).join());
assert.deepEqual(
  mails.map(({ subject }) => subject),
  ['You are running low', 'You are running low'],
);
await manager.close();
