/** The tables of events in README.md are made from the schemas. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { creditEventSchemas } from '../../src/index.js';
import { groupTable, typeTable } from './event-tables.js';
import { ROOT } from './source-files.js';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

test.each([
  ['shared fields', groupTable()],
  ['types', typeTable()],
])('the table of %s is that of `npx tsx test/package/event-tables.ts`', (_, table) => {
  const head = table.split('\n')[0] as string;
  const told = readme.slice(readme.indexOf(head)).split('\n\n')[0];
  expect(told).toBe(table);
});

test('every type says when it is written', () => {
  for (const [type, { description }] of Object.entries(creditEventSchemas)) {
    expect(description, type).toMatch(/^[`a-z]/);
  }
});
