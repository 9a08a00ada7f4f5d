/** A driver that is loaded at first use and not installed: one error that names it and the command to install it. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const drivers = [
  ['sql', 'pg', ({ SqlDbManager }) => new SqlDbManager({ url: 'postgres://127.0.0.1/nowhere' })],
  ['mongodb', 'mongodb', ({ MongoDbManager }) => MongoDbManager.fromClientUri('mongodb://127.0.0.1/nowhere')],
];
for (const [subpath, driver, make] of drivers) {
  for (const loaded of [await import(`credit-management/${subpath}`), require(`credit-management/${subpath}`)]) {
    const db = make(loaded);
    await assert.rejects(
      db.init([]),
      (error) => error.code === 'CONFIGURATION' && error.message.includes(`npm install ${driver}`),
    );
    await db.close();
  }
}
for (const { RedisCache } of [await import('credit-management/redis'), require('credit-management/redis')]) {
  const cache = new RedisCache({ url: 'redis://127.0.0.1:1', timeoutMs: 10_000 });
  await assert.rejects(
    cache.get('key'),
    (error) => error.code === 'CONFIGURATION' && error.message.includes('npm install redis'),
  );
  await cache.close();
}
for (const { jwt } of [await import('credit-management/http'), require('credit-management/http')]) {
  const authenticate = jwt({ issuer: 'i', audience: 'a', algorithms: ['RS256'], jwks: { keys: [] } });
  const request = new Request('http://localhost/', { headers: { authorization: 'Bearer x' } });
  await assert.rejects(
    authenticate(request),
    (error) => error.code === 'CONFIGURATION' && error.message.includes('npm install jose'),
  );
}
console.log('missing driver named');
