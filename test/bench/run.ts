/**
 * `npm run bench -- --adapter memory|postgres|mongodb|http|access|nats|nats-outage [--json]`: only ratios within one
 * run are goals.
 * `--operations` is for memory, `--seconds` a measurement for the others. On PostgreSQL `--full` runs every part and
 * `--only zipf,64` some of them (see postgres-full.ts); `--history` is the rows that the part of this name begins with.
 * On MongoDB the parts are `default` and `users`. `--only users --rtt 2` is a database two milliseconds away.
 */
import { parseArgs } from 'node:util';
import { benchAccess } from './access.js';
import { benchHttp } from './http.js';
import { benchMemory } from './memory.js';
import { benchMongoParts } from './mongodb-parts.js';
import { benchNats } from './nats.js';
import { benchOutage } from './nats-outage.js';
import { benchParts } from './postgres-full.js';

const { values } = parseArgs({
  options: {
    adapter: { type: 'string', default: 'memory' },
    json: { type: 'boolean', default: false },
    operations: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    history: { type: 'string', default: '1000000' },
    rtt: { type: 'string', default: '0' },
  },
});
const { adapter, json, full, only } = values;
const rounds = Number(values.rounds);
const rttMs = Number(values.rtt);
if (adapter === 'memory') await benchMemory({ operations: Number(values.operations), rounds, json });
else if (adapter === 'http') await benchHttp({ seconds: Number(values.seconds), rounds, json });
else if (adapter === 'access') await benchAccess({ seconds: Number(values.seconds), rounds, json });
else if (adapter === 'nats-outage') await benchOutage({ seconds: Number(values.seconds), json });
else if (adapter === 'nats') await benchNats({ rounds, json });
else if (adapter === 'mongodb') await benchMongoParts({ seconds: Number(values.seconds), rttMs, rounds, json, only });
else if (adapter === 'postgres') {
  const history = Number(values.history);
  await benchParts({ seconds: Number(values.seconds), history, rttMs, rounds, json, full, only });
} else throw new Error(`No benchmark for the adapter ${adapter} yet.`);
