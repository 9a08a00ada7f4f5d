/** A process that spends, grants and publishes, until it is killed: at any moment, or by itself before it can mark. */
import { natsSink } from '../../src/entries/nats.js';
import { createCreditManagement } from '../../src/index.js';
import { openDb } from '../backends/open-adapter.js';
import { Chance } from '../support/chance.js';
import { QUIET } from '../support/quiet.js';

const [database, nats, offset, seed, lastPublish] = process.argv.slice(2) as [string, string, string, string, string];
process.on('disconnect', () => process.exit());

const inner = natsSink({ url: nats, createStreams: true });
let published = 0;
const sink: typeof inner = {
  ...inner,
  async publish(event) {
    const answer = await inner.publish(event);
    if (++published === Number(lastPublish)) process.kill(process.pid, 'SIGKILL');
    return answer;
  },
};
const { credits, jobs, init } = createCreditManagement({
  db: openDb({ adapter: process.env.ADAPTER ?? '', url: database, poolSize: 4 }),
  // Later than the claims of those who were killed before.
  clock: { now: () => new Date(Date.now() + Number(offset)) },
  sinks: [sink],
  logger: QUIET,
});
const chance = new Chance(Number(seed));
await init();
process.send?.('ready');

async function spend(): Promise<never> {
  for (;;) {
    const user = `u${chance.below(20)}`;
    if (chance.below(2) === 0) await credits.addCredits(user, 1 + chance.below(20));
    else await credits.deductCreditsAfterService(user, 1 + chance.below(20));
  }
}
async function publish(): Promise<never> {
  for (;;) await jobs.runOutbox();
}
await Promise.all([spend(), publish()]);
