/** Copies of the package recognise each other's errors: ESM and CJS of one installation, and another installation. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const esm = await import('credit-management');
const cjs = require('credit-management');
const copies = { esm, cjs, elsewhere: createRequire(process.argv[2])('credit-management') };
assert.notEqual(esm.CreditError, cjs.CreditError, 'two copies are expected here');
assert.notEqual(cjs.CreditError, copies.elsewhere.CreditError, 'two installations are expected here');

const names = (copy) => Object.keys(copy).filter((name) => name !== 'default' && name !== 'module.exports');
assert.deepEqual(names(cjs).sort(), names(esm).sort());

const refused = (credits) =>
  credits.deductCredits('user-1', 1).then(
    () => assert.fail('a credit was spent that nobody has'),
    (error) => error,
  );

for (const thrower of Object.values(copies)) {
  const error = await refused(thrower.createCreditManagement().credits);
  const made = thrower.creditError('CLOSED', 'The service is closed.', {});
  for (const judge of Object.values(copies)) {
    assert.ok(judge.isCreditError(error));
    assert.ok(judge.isCreditError(error, 'CLOSED', 'INSUFFICIENT_CREDITS'));
    assert.ok(!judge.isCreditError(error, 'CLOSED'));
    assert.ok(judge.isCreditError(made, 'CLOSED'));
    assert.ok(!judge.isCreditError(Object.assign(new Error('no'), { name: 'CreditError', code: 'CLOSED' })));
  }
}

// In one format both entries share one copy, so that the package holds its classes once.
for (const [main, testing] of [
  [esm, await import('credit-management/testing')],
  [cjs, require('credit-management/testing')],
]) {
  assert.ok((await refused(testing.createTestCredits().credits)) instanceof main.CreditError);
}
console.log('errors recognised');
