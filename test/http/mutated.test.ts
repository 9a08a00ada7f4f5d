/** Requests made of the OpenAPI document and then spoiled: none is a failure of ours, and no answer tells internals. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type Identity, toNode } from '../../src/entries/http.js';
import type { Route } from '../../src/http/route.js';
import type { Json, JsonObject } from '../../src/index.js';
import { amount } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { MEMORY, onDatabases } from './stores.js';
import { type Answer, type HttpWorld, httpWorld, PEOPLE, ROUTES, requestOf, senderOf } from './world.js';

const RUNS = amount('CREDIT_HTTP_MUTATIONS');

/** Values that have broken somebody's server. */
const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom<unknown>(
    ...[
      null,
      true,
      false,
      0,
      -0,
      -1,
      Number.MAX_VALUE,
      1e21,
      2 ** 53,
      0.1 + 0.2,
      '0',
      '-1',
      '1e3',
      '0x10',
      ' 1',
      '٣',
      '1,5',
    ],
    ...['', ' ', 'null', 'undefined', '__proto__', 'constructor', '\u0000', '\ud800', 'user-1\n', '../../etc/passwd'],
    ...["' or '1'='1", '"; drop table credit_entry; --', '$where', '{"$gt":""}', '%00', '<script>', 'a'.repeat(300)],
    ...['2031-02-30T00:00:00Z', '9999-12-31T23:59:59.999Z', '0000-01-01T00:00:00Z', '+275760-09-13', 'monthly'],
    ...[[], {}, [[]], [null], { $ne: null }, { toString: 1 }, { length: 1e9 }, { __proto__: null }, ['a', 'b']],
  ),
);

interface Spoiled {
  readonly route: Route;
  readonly who: string;
  readonly fields: readonly (readonly [name: string, value: unknown, how: 'set' | 'drop' | 'add'])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly raw: string | null;
}

const nameOf = (route: Route) => fc.constantFrom('', 'x', '__proto__', 'metadata', ...namesOf(route));
const namesOf = ({ input, inPath }: Route) =>
  [...Object.keys(input.shape), ...inPath].map((name) => name.replace(/[A-Z]/g, (l) => `_${l.toLowerCase()}`));
const headers = fc.dictionary(
  fc.constantFrom('idempotency-key', 'x-request-id', 'content-type', 'x-user-id', 'accept', 'content-encoding'),
  fc.oneof(fc.constantFrom('application/json', 'k', 'gzip', '*/*', ''), fc.string({ minLength: 1, maxLength: 300 })),
  { maxKeys: 2 },
);
const spoiled: fc.Arbitrary<Spoiled> = fc.constantFrom(...ROUTES).chain((route) =>
  fc.record({
    route: fc.constant(route),
    who: fc.constantFrom('admin', 'admin', 'admin', 'user', 'other', 'member'),
    fields: fc.array(fc.tuple(nameOf(route), hostile, fc.constantFrom('set', 'set', 'drop', 'add')), { maxLength: 3 }),
    headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, headers),
    raw: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, fc.string({ unit: 'binary', maxLength: 60 })),
  }),
);

/** Traces of the inside: stacks, paths, statements, drivers, values of JavaScript. */
const INTERNALS = new RegExp(
  [
    ...['\\n\\s+at ', 'node:', 'node_modules', '/src/', '\\.ts\\b', 'postgres', 'mongodb', 'zod', '\\[object '],
    ...['ECONN', 'SQL', 'credit_[a-z]+ '],
  ].join('|'),
  'i',
);

const ajv = new Ajv2020({ strict: false, validateFormats: false });

function isDescribed(document: JsonObject, { path, method }: Route, { status, body }: Answer): boolean {
  const at = ((document.paths as JsonObject)[path] as JsonObject)[method.toLowerCase()] as JsonObject;
  const answer = (at.responses as JsonObject)[String(status)] as JsonObject | undefined;
  if (!answer) return false;
  const { schema } = (answer.content as JsonObject)['application/json'] as { schema: { $ref: string } };
  const $ref = `document${schema.$ref}`;
  return ajv.validate({ $ref }, body);
}

/** The users, and the ids of what they have, that somebody may not hear of. */
function othersOf(who: string, ids: HttpWorld['ids']): readonly string[] {
  const { userId, accounts = [], roles = [] } = PEOPLE[who] as Identity;
  if (roles.includes('admin')) return [];
  const own = [userId, ...accounts];
  return own.includes('user-1') ? STRANGERS : [...STRANGERS, 'user-1', ...Object.values(ids)];
}
const STRANGERS = ['user-2', 'payer'];

async function survives(world: HttpWorld, document: JsonObject, { route, ...rest }: Spoiled): Promise<void> {
  const fields = new Map<string, unknown>(Object.entries(route.example ?? {}));
  for (const [name, value, how] of rest.fields) {
    if (how === 'drop') fields.delete(name);
    else fields.set(name, value);
  }
  // A name such as __proto__ is a field of its own here, as JSON.parse makes it.
  const given = Object.fromEntries(fields) as Record<string, Json>;
  const { path, body } = requestOf(route, given, world.ids);
  const sent = rest.raw !== null && body !== undefined ? rest.raw : body;
  const clean = Object.fromEntries(Object.entries(rest.headers).map(([name, value]) => [name, latin(value)]));
  const answer = await world.send(rest.who, route.method, path, sent, clean);
  const told = JSON.stringify({ ...answer.body, request_id: '' });
  const line = `${route.method} ${path} ${JSON.stringify(sent)} → ${answer.status} ${told}`;
  const others = othersOf(rest.who, world.ids).filter((id) => told.includes(id) && !`${path} ${sent}`.includes(id));
  if (others.length > 0) throw new Error(`Of ${others}, who is somebody else: ${line}`);
  if (answer.status >= 500) throw new Error(`A failure of ours: ${line}`);
  // What the caller wrote may come back in an answer that is no error.
  if (answer.status >= 400 && INTERNALS.test(told.replace(/"path":"[^"]*"/, ''))) throw new Error(`Told: ${line}`);
  // A path of which a part is gone or empty is another path, or none.
  const isThere = new URL(`http://x${path}`).pathname.split('/').length === route.path.split('/').length;
  const isOtherPath = answer.status === 404 || answer.status === 405 || !isThere || /\/(\/|\?|$)/.test(path);
  if (!isOtherPath && !isDescribed(document, route, answer)) throw new Error(`Not in the document: ${line}`);
}

const latin = (text: string) => text.replace(/[^\x20-\x7e]/g, '?').trim();

interface Way {
  open(): Promise<HttpWorld>;
  readonly runs: number;
}

function suite({ open, runs }: Way): void {
  test(`${runs} spoiled requests`, async () => {
    const world = await open();
    const document = world.api.openapi();
    ajv.removeSchema('document').addSchema({ $id: 'document', ...document });
    const property = fc.asyncProperty(spoiled, (one) => survives(world, document, one));
    await fc.assert(property, { seed: SEED, numRuns: runs });
    const { ok, problems } = await world.manager.ledger.verify();
    expect([ok, problems]).toEqual([true, []]);
  });
}

describe('in memory', () => suite({ ...MEMORY, runs: RUNS }));

describe('behind node:http', () => {
  let server: Server | undefined;
  afterAll(() => server?.close().closeAllConnections());
  const open = async () => {
    const world = await httpWorld();
    server = createServer(toNode(world.api)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const send = senderOf((request) =>
      fetch(new Request(request.url.replace('//localhost', `//127.0.0.1:${port}`), request)),
    );
    return { ...world, send };
  };
  suite({ open, runs: Math.ceil(RUNS / 4) });
});

await onDatabases((store) => suite({ ...store, runs: Math.ceil(RUNS / 10) }));
