/** No entry that is usable without a peer asks for one, not even in vain. Runs under refuse-peers.mjs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const asked = () => readFileSync(process.env.PEERS_LOG, 'utf8');
const [peer] = process.env.PEERS.split(',');

// The hooks do refuse: otherwise everything below would pass.
await assert.rejects(import(peer), /optional peer .* was asked for/);
assert.throws(() => require(peer), /optional peer .* was asked for/);
assert.equal(asked(), `${peer}\n${peer}\n`);

for (const specifier of process.argv.slice(2)) {
  await import(specifier);
  require(specifier);
}
assert.equal(asked(), `${peer}\n${peer}\n`, 'peers that were asked for');

const { createCreditManagement } = await import('credit-management');
await createCreditManagement().credits.addCredits('user-1', 1);
assert.equal(asked(), `${peer}\n${peer}\n`, 'peers that were asked for by a call');
console.log('no peer asked for');
