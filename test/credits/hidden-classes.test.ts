import { once } from 'node:events';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { isFull } from '../support/amounts.js';
import { forkScript } from '../support/script.js';

const COUNT = 400;

/**
 * V8 makes a hidden class each time that `{ ...some, added }` is evaluated: 0.3 microseconds, and every later access to
 * the object is a slow one. Four of them in a call cost holds a tenth of their speed. `{ added, ...some }` and
 * `Object.assign` make none. A line of the code that made one in most calls of a verb is told, with the field.
 */
test.runIf(isFull)('no verb makes a hidden class in each call', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'credit-classes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const log = join(folder, 'v8.log');
  const execArgv = ['--log-maps', '--no-logfile-per-isolate', `--logfile=${log}`];
  const child = forkScript(new URL('./hidden-classes-worker.ts', import.meta.url), [String(COUNT)], { execArgv });
  expect(await once(child, 'exit')).toEqual([0, null]);
  const code = readFileSync(child.spawnargs.find((arg) => arg.endsWith('.mjs')) as string, 'utf8').split('\n');
  const places = new Map<string, number>();
  let lines = 0;
  for await (const line of createInterface(createReadStream(log))) {
    // map,Transition,time,from,to,pc,line,column,reason,name
    const [event, kind, , , , , at, , , name] = line.split(',');
    if (event !== 'map') continue;
    lines++;
    if (kind !== 'Transition' || !(Number(at) > 0)) continue;
    const place = `${name}: ${code[Number(at) - 1]?.trim()}`;
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  expect(lines).toBeGreaterThan(1_000);
  expect([...places].filter(([, times]) => times > COUNT / 2)).toEqual([]);
});
