/** README.md has every message that the library logs, with its level and its fields. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { logMessages } from './log-messages.js';
import { ROOT, sourceFiles } from './source-files.js';

const ROW = /^\| `([^`]+)` \| ([^|]*(?:debug|info|warn|error)[^|]*) \| ([^|]*) \|$/;

const told = readFileSync(join(ROOT, 'README.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, message, levels = '', fields = ''] = ROW.exec(line) ?? [];
    const names = [...fields.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
    return message === undefined ? [] : [{ message, levels, fields: names }];
  });

test('every message that is logged is in a table, and no other', () => {
  const logged = logMessages(sourceFiles('src'));
  expect(told.map(({ message }) => message).toSorted()).toEqual(logged.map(({ message }) => message).toSorted());
  for (const { message, levels, fields } of logged) {
    const row = told.find((one) => one.message === message);
    for (const level of levels) expect(row?.levels, message).toContain(level);
    for (const field of fields) expect(row?.fields, message).toContain(field);
  }
});

test('a message that is put together is refused', () => {
  const files = (message: string) => new Map([['src/x.ts', `logger.warn({ path, ...more }, ${message});`]]);
  expect(logMessages(files("'It failed'"))).toEqual([{ message: 'It failed', levels: ['warn'], fields: ['path'] }]);
  expect(() => logMessages(files(['`It failed: $', '{name}`'].join('')))).toThrow('is not stable');
});
