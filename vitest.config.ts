import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** Files that replace modules, change the environment, measure the heap or hear warnings: each has its own process. */
const ALONE = [
  'test/db/*/service-walk.test.ts',
  'test/db/*/handshake.test.ts',
  'test/http/deduction/load.test.ts',
  'test/http/deduction/node-edges.test.ts',
  'test/input/own-properties.test.ts',
  'test/jobs/volume*.test.ts',
  'test/ledger/audit-file.test.ts',
  'test/ledger/audit-garbage.test.ts',
  'test/ledger/audit-limits.test.ts',
  'test/ledger/audit-order.test.ts',
  'test/ledger/file-backlog.test.ts',
  'test/manager/stored-settings.test.ts',
  'test/outbox/idle.test.ts',
  'test/outbox/types.test.ts',
  'test/outbox/wiring.test.ts',
  'test/package/readme-programs.test.ts',
  'test/pipeline/signals.test.ts',
  'test/plans/calendar.test.ts',
];

/** Files that run once more on MongoDB: servers and other processes that fail. */
const ON_MONGODB = [
  'test/http/deduction/kills.test.ts',
  'test/jobs/processes.test.ts',
  'test/nats/consumer-kills.test.ts',
  'test/nats/kills.test.ts',
  'test/payments/kills.test.ts',
  'test/payments/orders.test.ts',
  'test/payments/top-up-kills.test.ts',
  'test/processes/*.test.ts',
];

function project(name: string, files: { include: string[]; exclude?: string[] }, isolate: boolean, adapter?: string) {
  return {
    // `credit-management` is src/index.ts, as tsconfig.json says: tests need no build.
    resolve: { tsconfigPaths: true },
    test: {
      name,
      ...files,
      isolate,
      pool: 'forks',
      // All cores are busy with files, so V8 takes no threads of its own, compiles only what runs long, and collects a
      // large young generation seldom: a fifth of the time.
      execArgv: ['--max-semi-space-size=64', '--single-threaded', '--interrupt-budget=1000000'],
      // One commit, one verdict: new seeds are searched by `npm run torture`, or by CREDIT_SEED=$RANDOM.
      env: {
        CREDIT_SEED: process.env.CREDIT_SEED || '20261121',
        ...(adapter && { CREDIT_TEST_ADAPTER: adapter }),
      },
      // For what hangs. No test is judged by how long it takes.
      testTimeout: 600_000,
      hookTimeout: 600_000,
    },
  } satisfies TestProjectInlineConfiguration;
}

export default defineConfig({
  test: {
    globalSetup: ['test/backends/setup.ts'],
    // Many tests wait for timers, other processes or the disk: more files at once than cores.
    maxWorkers: 4,
    projects: [
      // Most of a file's time would go into loading the library anew.
      project('shared', { include: ['test/**/*.test.ts'], exclude: ALONE }, false),
      project('alone', { include: ALONE }, true),
      project('mongodb', { include: ON_MONGODB }, false, 'mongodb'),
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
      reportsDirectory: 'node_modules/.coverage',
    },
  },
});
