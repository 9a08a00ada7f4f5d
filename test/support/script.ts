/** TypeScript files as processes of their own: bundled once a run, they start in a fraction of the time. */
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const NODE_MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const folder = process.env.CREDIT_TEST_RUN ?? mkdtempSync(join(tmpdir(), 'credit-scripts-'));
const bundles = new Map<string, string>();

/** Starts a script with a channel to it. `script` is its URL. */
export function forkScript(script: URL, args: readonly string[], options: ForkOptions = {}): ChildProcess {
  const path = fileURLToPath(script);
  const bundle = bundles.get(path) ?? bundleOf(path);
  bundles.set(path, bundle);
  return fork(bundle, [...args], { execArgv: ['--enable-source-maps'], ...options });
}

function bundleOf(path: string): string {
  const name = basename(path, '.ts');
  // Packages are found from here as from the project.
  const own = mkdtempSync(join(folder, `${name}-`));
  const outfile = join(own, `${name}.mjs`);
  buildSync({
    entryPoints: [path],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    sourcemap: 'inline',
    logLevel: 'error',
  });
  symlinkSync(NODE_MODULES, join(own, 'node_modules'), 'dir');
  return outfile;
}
