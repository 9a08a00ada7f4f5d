/** A request of Node.js reads as the request of Fetch that is made of it, without being made one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FetchMessage } from '../../src/http/message.js';
import { type MountedRequest, NodeMessage, pathOf } from '../../src/http/node-message.js';
import { SEED } from '../support/chance.js';

const part = fc.constantFrom(
  ...[
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2E%2e',
    '%2f',
    '%',
    '%ff',
    '%C3%A4',
    '\\',
    'credits',
    'balance',
    'user-1',
    'a~b_c',
  ],
  ...[
    '?',
    '&',
    '=',
    '+',
    ',',
    '#',
    ' ',
    '\t',
    ';',
    ':',
    '@',
    '!',
    "'",
    '"',
    '<',
    '|',
    '^',
    '[',
    'ä',
    'limit=1',
    '\u0080',
  ],
);
const path = fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join('')}`);
const name = fc.constantFrom('Authorization', 'authorization', 'X-Request-Id', 'Content-Type', 'x-more');
const value = fc.constantFrom('', 'a', 'Bearer x', 'application/json', 'a, b', 'ä');
const headers = fc.array(fc.tuple(name, value), { maxLength: 6 });
const method = fc.constantFrom('GET', 'get', 'POST', 'PATCH', 'Delete', 'PURGE', 'HEAD', 'options');

const nodeMessage = (url: string, pairs: readonly (readonly string[])[] = [], verb = 'GET') =>
  new NodeMessage({ url, method: verb, rawHeaders: pairs.flat() } as unknown as MountedRequest, new Uint8Array());

test('whatever the path, the headers and the method', () => {
  const property = fc.property(path, headers, method, (url, pairs, verb) => {
    const parsed = new URL(`http://localhost/${url.replace(/^\/+/, '')}`);
    const request = new Request(parsed, { headers: pairs, method: verb });
    const [node, fetched] = [nodeMessage(url, pairs, verb), new FetchMessage(request, parsed)];
    for (const message of [node, new FetchMessage(node.fetched(), new URL(node.fetched().url))]) {
      expect([message.url, message.method]).toEqual([fetched.url, fetched.method]);
      expect([...message.query]).toEqual([...fetched.query]);
      for (const one of ['authorization', 'X-Request-Id', 'content-type', 'x-more', 'cookie']) {
        expect(message.headers.get(one)).toBe(request.headers.get(one));
      }
    }
    expect(pathOf(url)).toBe(parsed.pathname);
    expect(node.headerChars).toBeGreaterThanOrEqual(fetched.headerChars - 2 * pairs.length);
  });
  fc.assert(property, { seed: SEED, numRuns: 3_000 });
});
