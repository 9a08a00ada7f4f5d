import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    cli: 'src/cli.ts',
    env: 'src/env.ts',
    index: 'src/index.ts',
    mongodb: 'src/mongodb.ts',
    sql: 'src/sql.ts',
    testing: 'src/testing/index.ts',
  },
  format: ['esm', 'cjs'],
  // Without splitting, the CJS entries would each carry their own copy of the error class.
  splitting: true,
  // Rollup writes the split CJS files. Otherwise tsup uses sucrase, which turns every `?.` into closures and arrays.
  treeshake: true,
  removeNodeProtocol: false,
  target: 'node20',
  sourcemap: true,
  clean: true,
  // tsup 8.5.1 passes `baseUrl` to the compiler, which TypeScript 6 refuses without this line.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
});
