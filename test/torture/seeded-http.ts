/** Seeded bugs of the HTTP API: who gets in, what they see, and what counts once. */
import type { SeededBug } from './seeded-bug.js';

const RIGHTS = 'test/http/rights.test.ts';
const REQUESTS = 'test/http/requests.test.ts';
const MOUNTS = 'test/http/mounts.test.ts';

export const HTTP_BUGS: readonly SeededBug[] = [
  {
    id: 'SB-35',
    title: 'the admin API is made without authorize',
    file: 'src/http/api.ts',
    find: "  if (typeof options?.authorize !== 'function') {",
    replace: '  if (options === undefined) {',
    tests: [
      { file: RIGHTS, name: 'the admin API is not made without authorize, and the joint one has no admin routes then' },
    ],
  },
  {
    id: 'SB-36',
    title: 'the user is taken from a header where nothing else names one',
    file: 'src/http/server.ts',
    find: "    if (typeof who !== 'object' || who === null) {",
    replace: "    who ??= { userId: request.headers.get('x-user-id') ?? '' };\n    if (who.userId === '') {",
    tests: [{ file: RIGHTS, name: 'GET /credits/balance/{user_id} needs somebody' }],
  },
  {
    id: 'SM-h18-01',
    title: 'anything that authorize answers but false opens the admin routes',
    file: 'src/http/server.ts',
    find: 'if (isAllowed !== true) throw',
    replace: 'if (isAllowed === false) throw',
    tests: [{ file: RIGHTS, name: 'POST /admin/credits/add is for those whom authorize allows, and for nobody else' }],
  },
  {
    id: 'SM-h18-02',
    title: 'a user reads the account of somebody else',
    file: 'src/http/server.ts',
    find: '      if (accounts.length > 0 && !exchange.own) throw notFound();',
    replace: '      if (accounts.length > 1 && !exchange.own) throw notFound();',
    tests: [{ file: RIGHTS, name: 'GET /credits/history/{user_id} shows nothing of the account of somebody else' }],
  },
  {
    id: 'SM-h18-03',
    title: 'the key in the header is forgotten',
    file: 'src/http/server.ts',
    find: '  return header ?? inBody;',
    replace: '  return inBody;',
    tests: [{ file: REQUESTS, name: 'a hundred requests at once with one key are applied once' }],
  },
  {
    id: 'SM-h18-04',
    title: 'numbers of an account are told to others',
    file: 'src/http/problems.ts',
    find: 'ABOUT_FUNDS.includes(error.code) && !own;',
    replace: 'ABOUT_FUNDS.includes(error.code) && !own && args.length > 9;',
    tests: [{ file: RIGHTS, name: 'numbers of a balance are told to the owner alone' }],
  },
  {
    id: 'SM-h18-05',
    title: 'a field that nobody reads is dropped without a word',
    file: 'src/http/wire.ts',
    find: "        if (!field) throw invalid(inner.slice(0, 200), 'a field that this route takes');",
    replace: '        if (!field) return [wire, undefined] as const;',
    tests: [{ file: RIGHTS, name: 'POST /admin/credits/add does not believe a header, a query or a field' }],
  },
  {
    id: 'SM-h18-06',
    title: 'a body that a parser has read is an empty one',
    file: 'src/http/node.ts',
    find: '    if (hadBody) throw',
    replace: '    if (hadBody && request.aborted) throw',
    tests: [{ file: MOUNTS, name: 'express5 below a body parser the error names the line to move' }],
  },
  {
    id: 'SM-h18-07',
    title: 'only the sender of a transfer is asked about',
    file: 'src/http/routes/spending.ts',
    find: 'accounts: async (_, { from, to }) => [from ?? null, to ?? null],',
    replace: 'accounts: async (_, { from }) => [from ?? null],',
    tests: [{ file: RIGHTS, name: 'authorize is told of every account that a step is about' }],
  },
];
