/** A driver that is loaded at first use and not installed: one error that names it and the command to install it. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

for (const { SqlDbManager } of [
  await import('credit-management/sql'),
  createRequire(import.meta.url)('credit-management/sql'),
]) {
  const db = new SqlDbManager({ url: 'postgres://127.0.0.1/nowhere' });
  await assert.rejects(
    db.init([]),
    (error) => error.code === 'CONFIGURATION' && error.message.includes('npm install pg'),
  );
  await db.close();
}
console.log('missing driver named');
