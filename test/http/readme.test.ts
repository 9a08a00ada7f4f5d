/** README.md has the tables of the HTTP API as they are. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { merchantRows, routeRows, statusRows } from './readme-tables.js';

const lines = readFileSync(new URL('../../README.md', import.meta.url), 'utf8').split('\n');

test.each([
  ['routes', [...routeRows(), ...merchantRows()], /^\| `(GET|POST|PATCH|DELETE) \//],
  ['statuses', statusRows(), /^\| \d{3} \| `[A-Z]/],
] as const)('the table of %s is the one of the code', (_, rows, pattern) => {
  expect(rows.length).toBeGreaterThan(12);
  expect(lines.filter((line) => pattern.test(line))).toEqual(rows);
});
