/** A process that does one task on a database: runs a job over and over, claims a code, or changes plans. */
import { createCreditManagement, isCreditError, type JobReport } from '../../src/index.js';
import { type DatabaseConfig, openDb } from '../backends/open-adapter.js';
import { QUIET } from '../support/quiet.js';

export type Task =
  | { readonly kind: 'allocate'; readonly batchSize: number; readonly ending?: Ending }
  | { readonly kind: 'claim'; readonly code: string; readonly users: readonly string[] }
  | { readonly kind: 'switch'; readonly user: string; readonly plans: readonly string[]; readonly times: number };

/** A signal that the process sends itself after so much progress: while it writes, or just before to stand still. */
export interface Ending {
  readonly after: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

export interface WorkerConfig {
  readonly database: DatabaseConfig;
  readonly timeoutMs: number;
  /** Milliseconds that its clock is ahead: other processes' leases are over for it. */
  readonly ahead: number;
  readonly task: Task;
}

export type FromWorker =
  | 'ready'
  | 'standing still'
  | { readonly processed: number }
  | { readonly reports: readonly JobReport[] }
  | { readonly names: Readonly<Record<string, number>> };

const { database, timeoutMs, ahead, task } = JSON.parse(process.argv[2] as string) as WorkerConfig;
const say = (message: FromWorker) => process.connected && process.send?.(message);
const AMID_MS = 5;

const db = openDb(database);
const manager = createCreditManagement({
  db,
  timeoutMs,
  clock: { now: () => new Date(Date.now() + ahead) },
  sinks: [{ name: 'sink', publish: async () => {} }],
  logger: QUIET,
});

/** How often each outcome was told: `true`, a reason, or the code of an error. */
async function tally(calls: readonly Promise<string>[]): Promise<void> {
  const names: Record<string, number> = {};
  const nameOf = (error: unknown) => (isCreditError(error) ? error.code : String(error));
  for (const name of await Promise.all(calls.map((call) => call.catch(nameOf)))) names[name] = (names[name] ?? 0) + 1;
  say({ names });
}

let isEnding = false;

/** Not while it writes its lease, and holding no locks when it stands still: others could not go on without it. */
function endAtNextWrite({ signal }: Ending): void {
  if (isEnding) return;
  isEnding = true;
  const { commit } = db;
  db.commit = (units, options) => {
    if (units.some((unit) => unit.some(({ model }) => model === 'subscription'))) {
      db.commit = commit;
      if (signal === 'SIGSTOP') {
        say('standing still');
        process.kill(process.pid, signal);
      } else setTimeout(process.kill, AMID_MS, process.pid, signal);
    }
    return commit.call(db, units, options);
  };
}

async function run(): Promise<void> {
  if (task.kind === 'allocate') {
    const reports: JobReport[] = [];
    do {
      const onProgress = ({ processed }: { processed: number }) => {
        say({ processed });
        if (task.ending && processed >= task.ending.after) endAtNextWrite(task.ending);
      };
      reports.push(await manager.jobs.runAllocation({ batchSize: task.batchSize, onProgress }));
    } while (reports.at(-1)?.status === 'completed' && (reports.at(-1)?.processed ?? 0) > 0);
    say({ reports });
  } else if (task.kind === 'claim') {
    const claim = async (user: string) => {
      const { success, message } = await manager.promos.claimPromo(user, task.code);
      return success ? 'claimed' : message;
    };
    await tally(task.users.map(claim));
  } else {
    const change = async (i: number) => {
      const plan = task.plans[i % task.plans.length] as string;
      await manager.subscriptions.upgradeUserSubscriptionPlan(task.user, plan);
      return 'changed';
    };
    await tally(Array.from({ length: task.times }, (_, i) => change(i)));
  }
}

process.on('disconnect', () => process.exit());
process.on('message', () => {
  void run()
    .then(() => manager.close())
    .then(() => process.disconnect());
});
await manager.init();
say('ready');
