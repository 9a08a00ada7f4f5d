/** Loading the package and wiring a manager opens nothing and starts nothing; the process then ends by itself. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const { setImmediate } = globalThis;
const started = [];
for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) {
  const real = globalThis[name];
  globalThis[name] = (...args) => {
    started.push(name);
    return real(...args);
  };
}

/** Handles and requests of this process, and its open files where the system tells them. */
async function open() {
  await new Promise((resolve) => setImmediate(resolve));
  const files = existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0;
  return { resources: process.getActiveResourcesInfo(), handles: process._getActiveHandles().length, files };
}

const load = process.argv[2] === 'cjs' ? createRequire(import.meta.url) : (specifier) => import(specifier);
// pino asks this stream of the process for its number, which makes it one of the handles.
process.stdout.fd;
const before = await open();
const { createCreditManagement } = await load('credit-management');
const { createTestCredits } = await load('credit-management/testing');
createCreditManagement();
createTestCredits();
assert.deepEqual(await open(), before);
assert.deepEqual(started, []);
console.log('idle');
