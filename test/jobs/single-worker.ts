/** A process that deducts from an account of its own, one call at a time, and tells how long the calls took. */
import { createCreditManagement } from '../../src/index.js';
import { openDb } from '../backends/open-adapter.js';

/** What each message to it is answered with: of the calls since the one before. */
export interface Latency {
  readonly calls: number;
  readonly p50Ms: number;
}

const [adapter, url] = process.argv.slice(2) as [string, string];
const { credits } = createCreditManagement({ db: openDb({ adapter, url, poolSize: 2 }) });
let times: number[] = [];

process.on('disconnect', () => process.exit());
process.on('message', () => {
  const sorted = times.sort((a, b) => a - b);
  times = [];
  const answer: Latency = { calls: sorted.length, p50Ms: Number((sorted[sorted.length >> 1] ?? 0).toFixed(2)) };
  process.send?.(answer);
});
await credits.addCredits('single', 1_000_000);
process.send?.('ready');
for (;;) {
  const began = performance.now();
  await credits.deductCredits('single', 1);
  times.push(performance.now() - began);
}
