/** Every seeded bug can be planted: its text is in its file, once. Whether tests turn red is for `npm run torture`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../package/source-files.js';
import { SEEDED_BUGS } from './seeded-bugs.js';

test('the text of each seeded bug is in its file once, and no two have one id', () => {
  const counts = SEEDED_BUGS.map(({ id, file, find }) => {
    const count = readFileSync(join(ROOT, file), 'utf8').split(find).length - 1;
    return `${id} ${count}`;
  });
  expect(counts.length).toBeGreaterThan(350);
  expect(counts.filter((line) => !line.endsWith(' 1'))).toEqual([]);
  expect(new Set(SEEDED_BUGS.map(({ id }) => id)).size).toBe(SEEDED_BUGS.length);
});
