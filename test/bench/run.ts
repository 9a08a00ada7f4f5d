/**
 * `npm run bench -- --adapter memory|postgres|mongodb [--json]`: only ratios within one run are goals. `--operations`
 * is for memory, `--seconds` a measurement for databases.
 */
import { parseArgs } from 'node:util';
import { benchMemory } from './memory.js';
import { benchMongo } from './mongodb.js';
import { benchPostgres } from './postgres.js';

const { values } = parseArgs({
  options: {
    adapter: { type: 'string', default: 'memory' },
    json: { type: 'boolean', default: false },
    operations: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
  },
});
const { adapter, json } = values;
const rounds = Number(values.rounds);
if (adapter === 'memory') await benchMemory({ operations: Number(values.operations), rounds, json });
else if (adapter === 'postgres') await benchPostgres({ seconds: Number(values.seconds), rounds, json });
else if (adapter === 'mongodb') await benchMongo({ seconds: Number(values.seconds), rounds, json });
else throw new Error(`No benchmark for the adapter ${adapter} yet.`);
