/**
 * `npm run torture -- --only X [--adapter memory] [--seed N] [--scale N]`: the long versions of suites, each under
 * 10 minutes, with one JSON summary line each.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { adapterNames } from '../backends/open-adapter.js';
import { PROCESS_SUITES } from './processes.js';
import { seededBugs } from './seeded-run.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    adapter: { type: 'string', default: 'memory' },
    seed: { type: 'string' },
    scale: { type: 'string', default: '1' },
  },
});

const SEEDED = 'seeded-bugs';

/** What runs, and how much of it at scale 1. */
const SUITES: Record<string, { files: readonly string[]; env: Record<string, number> }> = {
  model: { files: ['test/model/properties-first', 'test/model/properties-second'], env: { CREDIT_MODEL_RUNS: 10_000 } },
  'model-plans': {
    files: ['test/model/properties-plans', 'test/model/properties-looks'],
    env: { CREDIT_PLAN_MODEL_RUNS: 300, CREDIT_LOOK_RUNS: 600 },
  },
  scheduled: { files: ['test/model/scheduled.test.ts'], env: { CREDIT_SCHEDULED_RUNS: 2_000 } },
  faults: {
    files: ['test/pipeline', 'test/plans/walk.test.ts', 'test/plans/renewal-walk.test.ts'],
    env: { CREDIT_CHAOS_ROUNDS: 200 },
  },
  plans: {
    files: ['test/plans/model.test.ts', 'test/plans/strategies.test.ts'],
    env: { CREDIT_PLAN_RUNS: 3_000, CREDIT_STRATEGIES: 1_000 },
  },
  payments: { files: ['test/payments/model.test.ts'], env: { CREDIT_PAYMENT_RUNS: 2_000 } },
  messages: { files: ['test/inbox/random-messages.test.ts'], env: { CREDIT_MESSAGE_RUNS: 3_000 } },
  http: { files: ['test/http/deduction/load.test.ts'], env: { CREDIT_HTTP_LOAD: 60_000, CREDIT_HTTP_RACES: 5_000 } },
  bytes: { files: ['test/ledger/audit-bytes', 'test/ledger/audit-rows.test.ts'], env: {} },
  file: { files: ['test/ledger/file'], env: { CREDIT_FILE_KILLS: 300 } },
  'http-mutated': { files: ['test/http/mutated'], env: { CREDIT_HTTP_MUTATIONS: 10_000 } },
};

async function torture(name: string): Promise<boolean> {
  if (name === SEEDED) return seeded();
  const suite = (values.adapter === 'memory' ? SUITES : DATABASE_SUITES)[name];
  if (!suite) throw new Error(`--only is one of ${suites.join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'credit-torture-'));
  const output = join(folder, 'report.json');
  const seed = values.seed ?? String(process.pid);
  const scaled = (count: number) => String(Math.max(1, Math.round(count * Number(values.scale))));
  const amounts = Object.entries(suite.env).map(([key, count]) => [key, scaled(count)]);
  const env = {
    ...process.env,
    CREDIT_TEST_FULL: '1',
    ...Object.fromEntries(amounts),
    CREDIT_SEED: seed,
    CREDIT_TEST_ADAPTER: values.adapter,
  };
  const args = ['vitest', 'run', ...suite.files, '--project=!mongodb', '--reporter=default', '--reporter=json'];
  const began = performance.now();
  const child = spawn('npx', [...args, `--outputFile.json=${output}`], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? 1)));
  const report = JSON.parse(readFileSync(output, 'utf8')) as Record<string, number>;
  rmSync(folder, { recursive: true });
  console.log(
    JSON.stringify({
      torture: name,
      adapter: values.adapter,
      seed,
      ...Object.fromEntries(amounts),
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      seconds: Math.round((performance.now() - began) / 1000),
    }),
  );
  return code === 0;
}

/** Every planted bug must turn its tests red. */
async function seeded(): Promise<boolean> {
  const began = performance.now();
  const { passed, failed } = await seededBugs();
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(JSON.stringify({ torture: SEEDED, adapter: values.adapter, passed, failed, seconds }));
  return failed === 0;
}

/** Suites of a database; those without one are of the memory adapter. */
const DATABASE_SUITES: typeof SUITES = {
  ...PROCESS_SUITES,
  http: { files: ['test/http/deduction/load.test.ts'], env: { CREDIT_HTTP_LOAD: 20_000, CREDIT_HTTP_RACES: 1_000 } },
  walk: { files: [`test/db/${values.adapter}/service-walk`], env: {} },
  stress: { files: [`test/db/${values.adapter}/stress`], env: { CREDIT_STRESS_ROUNDS: 2_000 } },
  model: { files: [`test/db/${values.adapter}/service-model`], env: { CREDIT_STORE_MODEL_RUNS: 1_500 } },
  transcript: { files: [`test/db/${values.adapter}/service-transcript`], env: { CREDIT_TRANSCRIPT_STEPS: 10_000 } },
  'http-databases': {
    files: ['test/http/rights', 'test/http/requests', 'test/http/mutated'],
    env: { CREDIT_HTTP_STEP: 1, CREDIT_HTTP_MUTATIONS: 5_000 },
  },
};

if (!['memory', ...adapterNames].includes(values.adapter)) {
  throw new Error(`The adapter ${values.adapter} comes with its own issue.`);
}
const suites = values.adapter === 'memory' ? [...Object.keys(SUITES), SEEDED] : Object.keys(DATABASE_SUITES);
for (const name of values.only ? [values.only] : suites) {
  if (!(await torture(name))) process.exitCode = 1;
}
