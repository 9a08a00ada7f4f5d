/** A subpath whose peer is not installed fails with the error of Node.js, which names the package. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const [subpath, peer] = process.argv.slice(2);
const specifier = `credit-management/${subpath}`;

const naming = (error) => {
  assert.ok(error.message.includes(peer), `does not name ${peer}: ${error.message}`);
  return true;
};
await assert.rejects(import(specifier), naming);
assert.throws(() => require(specifier), naming);
console.log('missing peer named');
