/** A subpath whose peer is not installed fails with one error that names the package and the command to install it. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const [subpath, peer] = process.argv.slice(2);
const specifier = `credit-management/${subpath}`;

const helpful = (error) => {
  assert.ok(error.message.includes(peer), `does not name ${peer}: ${error.message}`);
  assert.ok(error.message.includes(`npm install ${peer}`), `does not say how to install ${peer}: ${error.message}`);
  return true;
};
await assert.rejects(import(specifier), helpful);
assert.throws(() => require(specifier), helpful);
console.log('missing peer named');
