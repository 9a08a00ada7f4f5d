/** A process that does one task on a database: runs a job over and over, claims a code, or changes plans. */
import { createCreditManagement, isCreditError, type JobReport } from '../../src/index.js';
import { SqlDbManager, type SqlSession } from '../../src/sql.js';

export type Task =
  | { readonly kind: 'allocate'; readonly batchSize: number }
  | { readonly kind: 'claim'; readonly code: string; readonly users: readonly string[] }
  | { readonly kind: 'switch'; readonly user: string; readonly plans: readonly string[]; readonly times: number };

export interface WorkerConfig {
  readonly url: string;
  /** Milliseconds that its clock is ahead: other processes' leases are over for it. */
  readonly ahead: number;
  readonly task: Task;
}

export type FromWorker =
  | 'ready'
  | { readonly processed: number }
  | { readonly reports: readonly JobReport[] }
  | { readonly names: Readonly<Record<string, number>> };

const { url, ahead, task } = JSON.parse(process.argv[2] as string) as WorkerConfig;
const say = (message: FromWorker) => process.connected && process.send?.(message);
const ignore = () => {};

const manager = createCreditManagement<SqlSession>({
  db: new SqlDbManager({ url, poolSize: 3 }),
  clock: { now: () => new Date(Date.now() + ahead) },
  sinks: [{ name: 'sink', publish: async () => {} }],
  logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
});

/** How often each outcome was told: `true`, a reason, or the code of an error. */
async function tally(calls: readonly Promise<string>[]): Promise<void> {
  const names: Record<string, number> = {};
  for (const call of calls) {
    const name = await call.catch((error: unknown) => (isCreditError(error) ? error.code : String(error)));
    names[name] = (names[name] ?? 0) + 1;
  }
  say({ names });
}

async function run(): Promise<void> {
  if (task.kind === 'allocate') {
    const reports: JobReport[] = [];
    do {
      const onProgress = ({ processed }: { processed: number }) => void say({ processed });
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
