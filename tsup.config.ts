import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    cli: 'src/entries/cli.ts',
    docs: 'src/entries/docs.ts',
    env: 'src/entries/env.ts',
    express: 'src/entries/express.ts',
    fastify: 'src/entries/fastify.ts',
    hono: 'src/entries/hono.ts',
    http: 'src/entries/http.ts',
    index: 'src/index.ts',
    mongodb: 'src/entries/mongodb.ts',
    razorpay: 'src/entries/razorpay.ts',
    sql: 'src/entries/sql.ts',
    redis: 'src/entries/redis.ts',
    metrics: 'src/entries/metrics.ts',
    nats: 'src/entries/nats.ts',
    otel: 'src/entries/otel.ts',
    stripe: 'src/entries/stripe.ts',
    testing: 'src/entries/testing.ts',
  },
  format: ['esm', 'cjs'],
  // Without splitting, the CJS entries would each carry their own copy of the error class.
  splitting: true,
  // Rollup writes the split CJS files. Otherwise tsup uses sucrase, which turns every `?.` into closures and arrays.
  treeshake: true,
  removeNodeProtocol: false,
  target: 'node20',
  // The code is not minified, so stacks read well without maps, which were two thirds of the package.
  sourcemap: false,
  clean: true,
  // tsup 8.5.1 passes `baseUrl` to the compiler, which TypeScript 6 refuses without this line.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
});
