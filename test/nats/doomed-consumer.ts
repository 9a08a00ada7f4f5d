/**
 * A process that takes messages and publishes events, until it is killed: at any moment, or by itself between a commit
 * and its acknowledgement, or between a publish and its mark.
 */
import { natsSink, natsSource } from '../../src/entries/nats.js';
import { createCreditManagement, type MessageInbox } from '../../src/index.js';
import { openDb } from '../backends/open-adapter.js';
import { QUIET } from '../support/quiet.js';

const [database, nats, offset, lastCommit, lastPublish] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
process.on('disconnect', () => process.exit());
const die = () => process.kill(process.pid, 'SIGKILL');

const sink = natsSink({ url: nats, createStreams: true });
let published = 0;
const source = natsSource({ url: nats, maxInFlight: 16, subjects: process.env.SUBJECTS?.split(',') });
let taken = 0;
/** Tells the test of each message that was taken, and dies after one of them. */
const telling = (inbox: MessageInbox): MessageInbox => ({
  ...inbox,
  async receive(message) {
    const { outcome } = await inbox.receive(message);
    const { stream, sequence } = message;
    const isLast = ++taken === Number(lastCommit);
    process.send?.({ place: `${stream} ${sequence}`, outcome }, isLast ? die : () => {});
    if (isLast) await new Promise(() => {});
    return { outcome, reason: null, deadLetterId: null };
  },
});

const manager = createCreditManagement({
  db: openDb({ adapter: process.env.ADAPTER ?? '', url: database, poolSize: 4 }),
  // Later than the claims of those who were killed before.
  clock: { now: () => new Date(Date.now() + Number(offset)) },
  sinks: [
    {
      ...sink,
      async publish(event) {
        const answer = await sink.publish(event);
        if (++published === Number(lastPublish)) die();
        return answer;
      },
    },
  ],
  sources: [{ ...source, start: (inbox) => source.start(telling(inbox)) }],
  logger: QUIET,
});
await manager.init();
manager.start({ outboxEverySeconds: 0.1 });
process.send?.('ready');
