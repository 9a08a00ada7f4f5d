import { defineConfig } from 'vitest/config';

export default defineConfig({
  // `credit-management` is src/index.ts, as tsconfig.json says: tests need no build.
  resolve: { tsconfigPaths: true },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    pool: 'forks',
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
      reportsDirectory: 'node_modules/.coverage',
    },
  },
});
