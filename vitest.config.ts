import { defineConfig } from 'vitest/config';

export default defineConfig({
  // `credit-management` is src/index.ts, as tsconfig.json says: tests need no build.
  resolve: { tsconfigPaths: true },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/backends/setup.ts'],
    testTimeout: 60_000,
    // One commit, one verdict: new seeds are searched by `npm run torture`, or by CREDIT_SEED=$RANDOM.
    env: { CREDIT_SEED: process.env.CREDIT_SEED || '20261121' },
    pool: 'forks',
    // Many tests wait for timers, other processes or the disk: more files at once than cores minus one.
    maxWorkers: 3,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
      reportsDirectory: 'node_modules/.coverage',
    },
  },
});
