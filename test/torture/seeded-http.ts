/** Seeded bugs of the HTTP API: who gets in, what they see, and what counts once. */
import type { SeededBug } from './seeded-bug.js';

const CLIENT = 'test/http/client.test.ts';
const DOCS = 'test/http/docs.test.ts';
const RIGHTS = 'test/http/rights.test.ts';
const REQUESTS = 'test/http/requests.test.ts';
const MESSAGE = 'test/http/message.test.ts';
const MOUNTS = 'test/http/mounts.test.ts';

export const HTTP_BUGS: readonly SeededBug[] = [
  {
    id: 'SB-35',
    title: 'the admin API is made without authorize',
    file: 'src/http/api.ts',
    find: "  if (typeof options?.authorize !== 'function') {\n    throw misconfigured('createAdminApi",
    replace: "  if (options === undefined) {\n    throw misconfigured('createAdminApi",
    tests: [
      { file: RIGHTS, name: 'the admin API is not made without authorize, and the joint one has no admin routes then' },
    ],
  },
  {
    id: 'SB-36',
    title: 'the user is taken from a header where nothing else names one',
    file: 'src/http/identify.ts',
    find: "  if (typeof who !== 'object' || who === null) {",
    replace: "  who ??= { userId: (request as Request).headers.get('x-user-id') ?? '' };\n  if (who.userId === '') {",
    tests: [{ file: RIGHTS, name: 'in memory GET /credits/balance/{user_id} needs somebody' }],
  },
  {
    id: 'SM-h18-01',
    title: 'anything that authorize answers but false opens the admin routes',
    file: 'src/http/server.ts',
    find: 'if (isAllowed !== true) throw',
    replace: 'if (isAllowed === false) throw',
    tests: [
      {
        file: RIGHTS,
        name: 'in memory POST /admin/credits/add is for those whom authorize allows, and for nobody else',
      },
    ],
  },
  {
    id: 'SM-h18-02',
    title: 'a user reads the account of somebody else',
    file: 'src/http/server.ts',
    find: '      if (accounts.length > 0 && !exchange.own) throw notFound();',
    replace: '      if (accounts.length > 1 && !exchange.own) throw notFound();',
    tests: [
      { file: RIGHTS, name: 'in memory GET /credits/history/{user_id} shows nothing of the account of somebody else' },
    ],
  },
  {
    id: 'SM-h18-03',
    title: 'the key in the header is forgotten',
    file: 'src/http/server.ts',
    find: '  return header ?? inBody;',
    replace: '  return inBody;',
    tests: [{ file: REQUESTS, name: 'in memory a hundred requests at once with one key are applied once' }],
  },
  {
    id: 'SM-h18-04',
    title: 'numbers of an account are told to others',
    file: 'src/http/problems.ts',
    find: 'ABOUT_FUNDS.includes(error.code) && !own;',
    replace: 'ABOUT_FUNDS.includes(error.code) && !own && args.length > 9;',
    tests: [{ file: RIGHTS, name: 'in memory numbers of a balance are told to the owner alone' }],
  },
  {
    id: 'SM-h18-05',
    title: 'a field that nobody reads is dropped without a word',
    file: 'src/http/wire.ts',
    find: "        if (!field) throw invalid(inner.slice(0, 200), 'a field that this route takes');",
    replace: '        if (!field) return [wire, undefined] as const;',
    tests: [{ file: RIGHTS, name: 'in memory POST /admin/credits/add does not believe a header, a query or a field' }],
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
    tests: [{ file: RIGHTS, name: 'in memory authorize is told of every account that a step is about' }],
  },
  {
    id: 'SM-h18-08',
    title: 'the document gives the numbers of a query as texts',
    file: 'src/http/openapi.ts',
    find: 'example: fromQuery(schema, [String(example)], wire) as Json',
    replace: 'example',
    tests: [{ file: CLIENT, name: 'the example of every route compiles' }],
  },
  {
    id: 'SM-h18-09',
    title: 'the document allows fields that a request does not have',
    file: 'src/http/openapi.ts',
    find: 'content: json({ ...schema, properties: Object.fromEntries(properties) }',
    replace: 'content: json({ ...schema, properties: Object.fromEntries(properties), additionalProperties: true }',
    tests: [{ file: CLIENT, name: 'a mistake does not compile' }],
  },
  {
    id: 'SM-h18-10',
    title: 'the policy of the docs page forbids its own style',
    file: 'src/http/docs.ts',
    find: "createHash('sha256').update(STYLE)",
    replace: "createHash('sha256').update(STYLE.trim())",
    tests: [{ file: DOCS, name: 'its policy allows the one style of it, and there is nothing else' }],
  },
  {
    id: 'SM-h18-11',
    title: 'a time zone that there is not is a failure of ours where no zone can be used',
    file: 'src/services/plans/plan-fields.ts',
    find: "    new Intl.DateTimeFormat('en', { timeZone });\n",
    replace: '',
    tests: [
      {
        file: 'test/plans/calendar.test.ts',
        name: 'a plan that names a zone without Temporal, or one that there is not, is refused',
      },
    ],
  },
  {
    id: 'SM-h18-12',
    title: 'of a header that came twice the first one counts',
    file: 'src/http/node-message.ts',
    find: 'value = value === null ? next :',
    replace: 'value = value === null ? next : true ? value :',
    tests: [
      { file: MOUNTS, name: 'two who ask in the headers' },
      { file: MESSAGE, name: 'whatever the path, the headers and the method' },
    ],
  },
  {
    id: 'SM-h18-13',
    title: 'a path with dots is not made shorter',
    file: 'src/http/node-message.ts',
    find: 'const PLAIN = /^\\/(?!\\/)[\\w~/-]*',
    replace: 'const PLAIN = /^\\/(?!\\/)[\\w~/.-]*',
    tests: [{ file: MESSAGE, name: 'whatever the path, the headers and the method' }],
  },
  {
    id: 'SM-h18-14',
    title: 'an authenticate of the host gets no request of Fetch',
    file: 'src/http/server.ts',
    find: 'const request = isOfHeaders(authenticate) ?',
    replace: 'const request = authenticate ?',
    tests: [
      {
        file: MOUNTS,
        name: 'an authenticate of the host gets a whole request of Fetch, whose body is not its to read',
      },
    ],
  },
];
