/** Seeded bugs of messages of other systems: receipts, dead letters, the loop that takes them, the audit trail. */
import type { SeededBug } from './seeded-bug.js';

const INBOX = 'test/inbox/inbox.test.ts';
const DEAD = 'test/inbox/dead-letters.test.ts';
const RANDOM = 'test/inbox/random-messages.test.ts';
const LATE = 'test/payments/late-waiting.test.ts';
const SOURCE = 'test/nats/source.test.ts';
const TRAIL = 'test/ledger/audit-trail.test.ts';
const random = { file: RANDOM, name: 'random messages have each effect once, whatever the database answers' };

export const INBOX_BUGS: readonly SeededBug[] = [
  {
    id: 'IN-01',
    title: 'another message under a known id is taken for the same one',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'if (taken !== null && taken.fingerprint !== operation.receipt.fingerprint) {',
    replace: 'if (taken !== null && taken.id !== operation.receipt.id) {',
    tests: [random],
  },
  {
    id: 'IN-02',
    title: 'an effect commits without its receipt',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'if (operation.receipt !== null) changes.addReceipt(operation.receipt);',
    replace: '',
    tests: [{ file: INBOX, name: 'in memory granted: its effect, its receipt, and nothing more when it comes again' }],
  },
  {
    id: 'IN-04',
    title: 'what a copy of a message left undone stays undone',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'if (taken !== null) operation.receipt = null;',
    replace: "if (taken !== null) return contradiction(operation, new Error('taken'));",
    tests: [random],
  },
  {
    id: 'IN-05',
    title: 'a database that is away makes dead letters',
    file: 'src/services/inbox/service.ts',
    find: "'STORAGE_UNAVAILABLE', 'TRANSACTIONS_UNSUPPORTED'",
    replace: "'TRANSACTIONS_UNSUPPORTED'",
    tests: [random],
  },
  {
    id: 'IN-06',
    title: 'a handler of the host runs again although its message is known',
    file: 'src/services/inbox/service.ts',
    find: "if (outcome.status !== 'committed') throw new NotOurs(outcome.status === 'locked');",
    replace: '',
    tests: [random],
  },
  {
    id: 'IN-07',
    title: 'what a handler rejects is kept',
    file: 'src/services/inbox/service.ts',
    find: 'if (rejected !== undefined) throw new Rejected(String(rejected));',
    replace: '',
    tests: [{ file: INBOX, name: 'in memory a handler of the host writes in one transaction with the receipt' }],
  },
  {
    id: 'IN-08',
    title: 'an adjustment takes credits',
    file: 'src/services/inbox/handlers.ts',
    find: 'parseAmount(amount, { scale });',
    replace: '',
    tests: [{ file: DEAD, name: 'an adjustment by a message takes nothing, though there are credits' }],
  },
  {
    id: 'IN-09',
    title: 'a dead letter is not told to sinks',
    file: 'src/services/inbox/dead-letters.ts',
    find: "engine.store.writeOne([insertOf('dead_letter', row), ...rows], { timeoutMs }),",
    replace: "engine.store.writeOne([insertOf('dead_letter', row)], { timeoutMs }),",
    tests: [{ file: DEAD, name: 'in memory the row and its event are one commit; the next message goes on' }],
  },
  {
    id: 'IN-10',
    title: 'a dead letter that was replayed is applied again',
    file: 'src/services/inbox/dead-letters.ts',
    find: "if (now.status === 'replayed' || now.status === status) return now;",
    replace: '',
    tests: [{ file: DEAD, name: 'in memory are dropped, listed by pages, and deleted by age once they are done with' }],
  },
  {
    id: 'IN-11',
    title: 'open dead letters are deleted by age',
    file: 'src/services/inbox/service.ts',
    find: "const old = rows.filter((row) => !('status' in row) || row.status !== 'open');",
    replace: 'const old = rows;',
    tests: [{ file: DEAD, name: 'in memory are dropped, listed by pages, and deleted by age once they are done with' }],
  },
  {
    id: 'IN-12',
    title: 'a message that failed is acknowledged',
    file: 'src/nats/subscription.ts',
    find: 'if (!this.#isClosed) message.nak(nakMs(message.info.deliveryCount));',
    replace: 'message.ack();',
    tests: [{ file: SOURCE, name: 'gives a message back while the database is away, without limit, and loses none' }],
  },
  {
    id: 'IN-13',
    title: 'failing messages come as many at once as before',
    file: 'src/nats/subscription.ts',
    find: 'this.#limit = Math.max(1, Math.floor(this.#limit / 2));',
    replace: '',
    tests: [{ file: SOURCE, name: 'takes fewer messages at once while they fail, and more again when they are taken' }],
  },
  {
    id: 'IN-14',
    title: 'the first entry of a page is not compared with the one before it',
    file: 'src/services/ledger/audit-trail.ts',
    find: 'let before = first && first.seq > 1 ? await entryBefore(tools, first, limits) : null;',
    replace: 'let before = null as EntryRow | null; void entryBefore;',
    tests: [{ file: TRAIL, name: 'in memory leads from each entry to its message, its request' }],
  },
  {
    id: 'IN-15',
    title: 'messages that came to wait while their payment was written wait for the job',
    file: 'src/services/payments/links.ts',
    find: 'const row = await this.#applyWaiting(known, opened.paidAs);',
    replace: 'const row = known; await Promise.resolve();',
    tests: [
      { file: INBOX, name: 'an order that was recorded by a process that died applies the refunds that wait' },
      { file: LATE, name: 'a refund that waits is applied by the call that was outrun, where the faster one is dead' },
    ],
  },
  {
    id: 'IN-16',
    title: 'an event that comes again does not look for messages that its first process left waiting',
    file: 'src/services/payments/inbox.ts',
    find: "if (known.status === 'applied') await this.#applyLate(message, rest);",
    replace: '',
    tests: [
      { file: LATE, name: 'a message that a process left waiting is applied when what named its payment' },
      { file: LATE, name: 'an invoice that a process left waiting is paid when the event that names its user' },
    ],
  },
];
