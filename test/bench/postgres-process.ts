/** A process of the benchmark: makes its design ready, says so, and deducts from one account when it is told to. */

import { loop, rivalOf } from './closed-loop.js';
import { type Bench, openLibrary } from './postgres-load.js';
import { naive } from './postgres-rivals.js';

/** To it: for how long, or the end. */
export type ToProcess = { readonly seconds: number; readonly inFlight: number } | 'close';
/** From it. */
export type FromProcess =
  | 'ready'
  | { readonly opsPerSecond: number; readonly p99Ms: number; readonly failed: string[] };

const { url, design } = JSON.parse(process.argv[2] as string) as Pick<Bench, 'url'> & { design: string };
const rival = design === 'naive' ? naive(url, 10) : rivalOf(openLibrary(url));
const say = (message: FromProcess) => process.send?.(message);

process.on('disconnect', () => process.exit());
process.on('message', (message: ToProcess) => {
  if (message === 'close') {
    void rival.close().finally(() => process.disconnect());
    return;
  }
  const failed: string[] = [];
  let failures = 0;
  const deduct = (n: number) =>
    rival.deduct(n * 0, 10_000).catch((error: unknown) => {
      failures++;
      if (failed.length < 3) failed.push(String(error));
    });
  void loop(deduct, message.inFlight, message.seconds).then(({ opsPerSecond, p99Ms }) => {
    say({ opsPerSecond: opsPerSecond - failures / message.seconds, p99Ms, failed });
  });
});
await rival.deduct(0, 10_000);
say('ready');
