/** A process with a manager of its own: makes the calls it is told by IPC and answers each. */
import type { DbManager } from '../../src/index.js';
import { openManager, type WorkerConfig } from '../backends/open-adapter.js';
import { type Answer, localCaller, type Verb } from '../support/answers.js';

/** To a worker: calls to start at once, an account to lock for as long as the process lives, or the end. */
export type ToWorker =
  | 'close'
  | { readonly lock: string }
  | { readonly calls: readonly { readonly id: number; readonly verb: Verb; readonly args: readonly unknown[] }[] };
/** From a worker: it is ready, an answer, or what must never happen. */
export type FromWorker =
  | 'ready'
  | 'locked'
  | { readonly id: number; readonly answer: Answer }
  | { readonly fault: string };

const say = (message: FromWorker) => process.connected && process.send?.(message);
for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: unknown) => {
    say({ fault: `${event}: ${error instanceof Error ? error.stack : String(error)}` });
  });
}
process.on('disconnect', () => process.exit());

const manager = openManager(JSON.parse(process.argv[2] as string) as WorkerConfig);
const call = localCaller(manager);
process.on('message', (message: ToWorker) => {
  if (message === 'close') {
    void manager.close().finally(() => process.disconnect());
    return;
  }
  if ('lock' in message) {
    const db = manager.db as DbManager<unknown>;
    const forEver = new Promise<void>(() => {});
    const work = db.transaction?.(async (session) => {
      await db.getMany('account', [message.lock], { session, lock: true });
      say('locked');
      await forEver;
    });
    work?.catch((error: unknown) => say({ fault: `lock: ${String(error)}` }));
    return;
  }
  for (const { id, verb, args } of message.calls) void call(verb, ...args).then((answer) => say({ id, answer }));
});
void manager.init().then(
  () => say('ready'),
  (error: unknown) => say({ fault: `init: ${String(error)} ${String((error as Error).cause)}` }),
);
