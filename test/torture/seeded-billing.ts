/** Seeded bugs of subscriptions that a provider bills. */
import type { SeededBug } from './seeded-bug.js';

const BILLED = 'test/payments/billed.test.ts';
const CORE = 'src/core/billed-subscription.ts';
const STATE = 'src/core/billed-state.ts';
const SERVICE = 'src/services/payments/billing.ts';

const inMemory = (name: string) => ({ file: BILLED, name: `subscriptions that a provider bills, in memory ${name}` });
const beside = (name: string) => ({
  file: 'test/payments/billed-beside.test.ts',
  name: `billed subscriptions beside all else, in memory ${name}`,
});
const YEAR = inMemory('a year of events grants each period once, in every order that retries make');
const FOLLOWS = inMemory('the subscription of the user follows: paid, past due, changed, cancelled, ended');
const WAITS = inMemory('events wait for their user, for their plan, and for the day on which their period begins');

export const BILLING_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-bill1',
    title: 'an invoice that is told under another event grants once more',
    file: STATE,
    find: 'if (billed.invoices.some(({ id }) => id === invoiceId)) return false;',
    replace: 'if (billed.invoices.some(({ id }) => id === event.eventId)) return false;',
    tests: [inMemory('an invoice that two events tell of grants once')],
  },
  {
    id: 'SM-bill2',
    title: 'an invoice that comes after a later one takes the subscription back to its period',
    file: CORE,
    find: 'billed.invoices.every(({ start }) => start <= invoice.start) && mayReplace',
    replace: 'billed.invoices.length > 0 && mayReplace',
    tests: [inMemory('an invoice that comes late grants its period and leaves the later one')],
  },
  {
    id: 'SM-bill3',
    title: 'an upgrade counts from the instant at which it is heard of',
    file: 'src/core/billed-changes.ts',
    find: '{ ms: end - change.at, ofMs: end - start }',
    replace: '{ ms: Math.max(0, end - draft.account.at), ofMs: end - start }',
    tests: [YEAR],
  },
  {
    id: 'SM-bill4',
    title: 'going down and up again within a period is granted twice',
    file: 'src/core/billed-changes.ts',
    find: 'highest.set(creditType, limit);',
    replace: 'highest.set(creditType, highest.get(creditType) ?? 0);',
    tests: [inMemory('going up, down and up again within a period adds the difference once')],
  },
  {
    id: 'SM-bill5',
    title: 'an event of another user changes the subscription',
    file: SERVICE,
    find: 'if (named !== null && named !== userId) return',
    replace: "if (named === '' && named !== userId) return",
    tests: [WAITS],
  },
  {
    id: 'SM-bill6',
    title: 'events that wait for their user are not looked at when it is known',
    file: 'src/services/payments/inbox.ts',
    find: 'for (const other of late) if (other.id !== id) await',
    replace: "for (const other of late) if (other.id === '') await",
    tests: [WAITS],
  },
  {
    id: 'SM-bill7',
    title: 'an older event of the provider undoes a later one',
    file: STATE,
    find: 'if (told.at !== than.at) return told.at > than.at;',
    replace: 'if (told.at !== than.at) return told.at !== than.at;',
    tests: [inMemory('an older event changes nothing that a later one said')],
  },
  {
    id: 'SM-bill8',
    title: 'an end that the provider tells is not the end',
    file: CORE,
    find: '  if (endedAt !== null) {',
    replace: '  if (endedAt !== null && endedAt < 0) {',
    tests: [FOLLOWS],
  },
  {
    id: 'SM-bill9',
    title: 'a subscription that a provider bills is renewed by the clock after its plan was changed',
    file: 'src/core/subscription-row.ts',
    find: 'if (billedBy === undefined) return terms;',
    replace: "if (billedBy !== '') return terms;",
    tests: [beside('a plan whose terms change for renewals waits for its invoice as before')],
  },
  {
    id: 'SM-bill10',
    title: 'frozen credits have no end after an invoice has ended the pause',
    file: CORE,
    find: 'const unthawed = isLatest && work.row ? thawGrants(drafts, work.row) : null;',
    replace: "const unthawed = isLatest && work.row?.id === '' ? thawGrants(drafts, work.row) : null;",
    tests: [beside('credits that were frozen in a pause end after the invoice that ends the pause')],
  },
  {
    id: 'SM-bill11',
    title: 'a change that begins a period of its own counts in the old one too',
    file: 'src/core/billed-changes.ts',
    find: 'one.start <= start + SKEW_MS',
    replace: 'one.start <= end + SKEW_MS',
    tests: [beside('a change that begins a new period, which is paid in full, adds nothing to the old one')],
  },
];
