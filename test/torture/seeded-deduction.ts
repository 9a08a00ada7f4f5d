/** Seeded bugs of automatic deduction: who is charged, how much, and when. */
import type { SeededBug } from './seeded-bug.js';

const FRAMEWORKS = 'test/http/deduction/frameworks.test.ts';
const STREAMS = 'test/http/deduction/streams.test.ts';
const EDGES = 'test/http/deduction/node-edges.test.ts';
const SET_UP = 'test/http/deduction/set-up.test.ts';
const CONTEXT = 'test/usage/usage-context.test.ts';

export const DEDUCTION_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-mw-01',
    title: 'a path with other letters, or encoded, goes round the middleware',
    file: 'src/http/deduction/paths.ts',
    find: '\n    .toLowerCase();',
    replace: ';',
    tests: [
      { file: FRAMEWORKS, name: "'express 5' a path that a router may read as one with the prefix costs credits" },
    ],
  },
  {
    id: 'SM-mw-02',
    title: 'a path that leads out of a free one is free',
    file: 'src/http/deduction/paths.ts',
    find: '  if (/[%\\\\;]|\\/\\/|\\/\\.\\.?(\\/|$)/.test(path)) return false;\n',
    replace: '',
    tests: [
      { file: FRAMEWORKS, name: "'express 5' a path that a router may read as one with the prefix costs credits" },
    ],
  },
  {
    id: 'SM-mw-03',
    title: 'a client chooses its own hold',
    file: 'src/http/deduction/credit-gate.ts',
    find: 'return given > 0 ? Math.min(Math.max(given, range[0] as number), range[1] as number) : usual;',
    replace: 'return given > 0 ? given + 0 * (range[0] as number) : usual;',
    tests: [{ file: FRAMEWORKS, name: "'express 5' with {} an estimate of 1 holds 100" }],
  },
  {
    id: 'SM-mw-04',
    title: 'answers that failed are charged',
    file: 'src/http/deduction/credit-gate.ts',
    find: 'const isFree = answered.status >= 400 && !chargeOnError;',
    replace: 'const isFree = answered.status >= 600 && !chargeOnError;',
    tests: [{ file: FRAMEWORKS, name: "'express 5' an error in the answer charges nothing" }],
  },
  {
    id: 'SM-mw-05',
    title: 'work that goes on after the answer is free',
    file: 'src/http/deduction/credit-gate.ts',
    find: "      if (!isFree && usage === 'context') void this.#chargeLate(late);",
    replace: '      void late;',
    tests: [{ file: FRAMEWORKS, name: "'express 5' work that goes on after the answer is charged too" }],
  },
  {
    id: 'SM-mw-07',
    title: 'a charge that failed is not tried again',
    file: 'src/http/deduction/credit-gate.ts',
    find: '      if (!isLost) setTimeout(() => this.#commit(attempt + 1), wait).unref?.();\n',
    replace: '',
    tests: [{ file: SET_UP, name: 'after the handler: the client has its answer, and the charge is tried again' }],
  },
  {
    id: 'SM-mw-09',
    title: 'a small body that unpacks to gigabytes is unpacked',
    file: 'src/http/deduction/usage.ts',
    find: 'await unpack(bytes, { maxOutputLength: BODY_BYTES })',
    replace: 'await unpack(bytes, { maxOutputLength: 1e9 })',
    tests: [{ file: FRAMEWORKS, name: "'express 5' a small body that unpacks to more than 1 MiB is no usage" }],
  },
  {
    id: 'SM-mw-10',
    title: 'a client that leaves keeps its hold',
    file: 'src/http/deduction/node-answer.ts',
    find: "    response.once('close', left);\n",
    replace: '',
    also: [
      {
        find: '    const forgetSocket = onSocketClose(request.socket, left);',
        replace: '    const forgetSocket = onSocketClose(null, left);',
      },
    ],
    tests: [
      { file: STREAMS, name: "'express 5' a client that leaves is charged what was recorded, and its hold is freed" },
    ],
  },
  {
    id: 'SM-mw-11',
    title: 'a handler that takes the socket keeps its hold',
    file: 'src/http/deduction/node-answer.ts',
    find: '    const forgetSocket = onSocketClose(request.socket, left);',
    replace: '    const forgetSocket = onSocketClose(null, left);',
    tests: [{ file: EDGES, name: 'that takes the socket for itself is charged when the socket closes' }],
  },
  {
    id: 'SM-mw-12',
    title: 'a second answer takes the place of the first one',
    file: 'src/http/deduction/node-answer.ts',
    find: '#original.end(...args);\n    const [chunk, encoding] = args;',
    replace: '#original.end(...args);\n    const [chunk, encoding] = args;\n    void 0;',
    also: [
      {
        find: "  #end(args: Arguments): unknown {\n    if (this.#state === 'settling') return this.response;\n",
        replace:
          '  #end(args: Arguments): unknown {\n' +
          "    if (this.#state === 'settling') return this.#original.end(...args);\n",
      },
    ],
    tests: [{ file: EDGES, name: 'that answers twice has its first answer sent' }],
  },
  {
    id: 'SM-mw-13',
    title: 'an answer that is ended in one step is sent in parts',
    file: 'src/http/deduction/node-answer.ts',
    find: '    this.#hasHead = true;\n',
    replace: '    this.#hasHead = true;\n    this.#begin();\n',
    tests: [{ file: FRAMEWORKS, name: "'fastify' a free call costs nothing" }],
  },
  {
    id: 'SM-mw-14',
    title: 'listeners of the request record for nobody',
    file: 'src/http/deduction/node-answer.ts',
    find: 'charge.usages.run(() => emit.apply(emitter, args as []))',
    replace: 'emit.apply(emitter, args as [])',
    tests: [{ file: EDGES, name: 'that records usage in listeners of the request is charged its own' }],
  },
  {
    id: 'SM-mw-15',
    title: 'an answer to HEAD keeps its hold',
    file: 'src/http/deduction/fetch-answer.ts',
    find: "  if (method === 'HEAD') {",
    replace: "  if (method === 'HEADER') {",
    tests: [{ file: STREAMS, name: "'hono' a large text arrives as without creditDeduction" }],
  },
  {
    id: 'SM-mw-16',
    title: 'a stream is read to its end before it is sent',
    file: 'src/http/deduction/fetch-answer.ts',
    find: 'await (wantsBody ? next : Promise.race([next, notYet()]))',
    replace: 'await (wantsBody ? next : Promise.race([next, new Promise<never>(() => notYet())]))',
    tests: [{ file: STREAMS, name: "'fetch' a stream passes chunk by chunk, and its usage is charged at its end" }],
  },
  {
    id: 'SM-mw-17',
    title: 'requests share one record of usage',
    file: 'src/services/usage/usage-context.ts',
    find: '    return storage.run(this, work);',
    replace: '    return storage.run((storage.getStore() ?? ONE) as UsageContext, work);',
    also: [
      {
        find: 'const KEY = Symbol.for',
        replace: 'const ONE: { value?: UsageContext } & object = new UsageContext() as never;\nconst KEY = Symbol.for',
      },
    ],
    tests: [{ file: CONTEXT, name: 'a context of its own inside another keeps its records to itself' }],
  },
  {
    id: 'SM-mw-18',
    title: 'records that are handed out are those that are charged',
    file: 'src/services/usage/usage-context.ts',
    find: '    return structuredClone(this.#usages);',
    replace: '    return this.#usages;',
    tests: [{ file: CONTEXT, name: 'records are kept in order, listed as copies, taken and cleared' }],
  },
  {
    id: 'SM-mw-19',
    title: 'a request is charged twice',
    file: 'src/http/deduction/credit-gate.ts',
    find: '    if (asked.isHeld) throw misconfigured(TWICE);\n',
    replace: '    void TWICE;\n',
    tests: [{ file: SET_UP, name: 'a second middleware on the way of a request is an error' }],
  },
  {
    id: 'SM-mw-20',
    title: 'a price is multiplied as a float',
    file: 'src/core/amounts.ts',
    find: '  sum.addDecimal({ digits: count.digits * price.digits, places: count.places + price.places });',
    replace: '  void [count, price];\n  sum.add(units * creditsPerUnit);',
    tests: [{ file: 'test/core/amounts.test.ts', name: 'a price is exact, and rounded up once' }],
  },
  {
    id: 'SM-mw-21',
    title: 'a manager that closes refuses settlements that have begun',
    file: 'src/services/pipeline/pipeline.ts',
    find: 'if (this.#isClosed && this.#begun === 0) throw closed();',
    replace: 'if (this.#isClosed) throw closed();',
    tests: [
      {
        file: 'test/pipeline/deadline.test.ts',
        name: 'a settlement that began before is made, and one that begins after is refused',
      },
    ],
  },
  {
    id: 'SM-mw-22',
    title: 'an error that nobody takes lets the handler run free of charge',
    file: 'src/http/deduction/node.ts',
    find: 'if (request.originalUrl !== undefined || next.length > 0) return next(err);',
    replace: 'if (request.originalUrl !== undefined || next.length >= 0) return next(err);',
    tests: [{ file: SET_UP, name: 'an error that nobody takes is 500, and the handler does not run' }],
  },
];
