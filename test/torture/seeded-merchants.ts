/** Seeded bugs of the merchant API and of numbered pages. */
import type { SeededBug } from './seeded-bug.js';

const EVENTS = 'test/http/status-events.test.ts';
const API = 'test/http/merchants.test.ts';
const PAGES = 'test/credits/transaction-pages.test.ts';
const ROUTES = 'src/http/routes/merchants.ts';

export const MERCHANT_BUGS: readonly SeededBug[] = [
  {
    id: 'MR-1',
    title: 'a merchant sees every other merchant',
    file: 'src/http/server.ts',
    find: "    if (route?.who === 'merchant' && exchange.own) return;",
    replace: "    if (route?.who === 'merchant') return;",
    tests: [{ file: API, name: 'who may ask GET /api/v1/credits/plugin-status/shop' }],
  },
  {
    id: 'MR-2',
    title: 'whoever may not see an account learns that it is there',
    file: 'src/http/server.ts',
    find: "        throw route?.who === 'merchant' ? notFound() : error;",
    replace: '        throw error;',
    tests: [{ file: API, name: 'who may ask GET /api/v1/credits/plugin-status/shop' }],
  },
  {
    id: 'MR-3',
    title: 'the limit counts those who ask, and not those who are asked about',
    file: 'src/http/rate-limit.ts',
    find: 'userId ?? who.userId',
    replace: 'who.userId',
    tests: [{ file: API, name: 'a merchant may ask so often in a window, whoever asks, and then is told when' }],
  },
  {
    id: 'MR-4',
    title: 'manual corrections are listed among what was recharged',
    file: ROUTES,
    find: "[named, types && ['manual']]",
    replace: '[named, undefined]',
    tests: [{ file: API, name: 'what it answers transactions by page, type, business event and day' }],
  },
  {
    id: 'MR-5',
    title: 'the last day of a filter is left out',
    file: ROUTES,
    find: 'T23:59:59.999Z',
    replace: 'T00:00:00.000Z',
    tests: [{ file: API, name: 'what it answers transactions by page, type, business event and day' }],
  },
  {
    id: 'MR-6',
    title: 'a page begins at the newest entry of its instant',
    file: 'src/services/credits/transaction-pages.ts',
    find: 'seq: newest + 1, id',
    replace: 'seq: total + 1, id',
    tests: [
      {
        file: PAGES,
        name: 'in memory together they are the history, whatever was written in one instant, and refusals in between',
      },
    ],
  },
  {
    id: 'MR-7',
    title: 'a client that leaves a stream of events is counted for ever',
    file: 'src/http/event-stream.ts',
    find: '    stop();\n    ended();',
    replace: '    stop();',
    tests: [{ file: EVENTS, name: 'no more clients listen than may at once, and one that leaves makes room' }],
  },
  {
    id: 'MR-8',
    title: 'a stream of events keeps every event for a client that does not read',
    file: 'src/http/event-stream.ts',
    find: '    waiting.set(topic, text);',
    replace: '    waiting.set(String(waiting.size), text);',
    tests: [{ file: EVENTS, name: 'a client that does not read holds the newest event of each topic, and no more' }],
  },
  {
    id: 'MR-9',
    title: 'statuses of anybody are told to anybody who listens',
    file: ROUTES,
    find: '?? [],\n    async run({ manager }, { merchantIds }) {',
    replace: '&& [],\n    async run({ manager }, { merchantIds }) {',
    tests: [{ file: EVENTS, name: 'are for those who may see the account, and for lists of merchants' }],
  },
  {
    id: 'MR-10',
    title: 'the pages of an envelope link to themselves',
    file: 'src/http/envelope.ts',
    find: 'next: has_next === true ? at(self + 1) : null',
    replace: 'next: has_next === true ? at(self) : null',
    tests: [{ file: API, name: 'in an envelope are data, errors and pages with links' }],
  },
  {
    id: 'MR-11',
    title: 'whoever is refused uses up the requests of the account that they name',
    file: 'src/http/server.ts',
    find: 'if (account !== null) await count(null);',
    replace: 'if (account !== null) await count(account);',
    tests: [
      {
        file: API,
        name: 'nobody uses up the requests of a merchant that is not theirs; what is refused counts for who asks',
      },
    ],
  },
  {
    id: 'MR-12',
    title: 'the balance before a change is rounded by binary fractions',
    file: ROUTES,
    find: '(Math.round(balanceAfter * scale) - Math.round(delta * scale)) / scale',
    replace: 'Math.round((balanceAfter - delta) * 1e6 + 0 * scale) / 1e6',
    tests: [
      { file: API, name: 'what it answers the balance before a change to the last unit, with 0 decimals' },
      { file: API, name: 'what it answers the balance before a change to the last unit, with 6 decimals' },
    ],
  },
];
