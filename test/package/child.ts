/** Child processes for the package checks: what one prints that succeeds, an error with what one printed that fails. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './source-files.js';

interface ChildOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Standard output of a command. @throws Error with the end of its output when it fails or takes too long */
export function run(command: string, args: readonly string[], { cwd, env, timeoutMs = 300_000 }: ChildOptions): string {
  const shown = [command.replace(process.execPath, 'node'), ...args].join(' ').slice(0, 160);
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...environment(), ...env },
    encoding: 'utf8',
    timeout: timeoutMs,
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return stdout;
  const why = error?.message ?? (signal ? `ended by ${signal}` : `exit code ${status}`);
  throw new Error(`${shown}: ${why}\n${`${stdout ?? ''}${stderr ?? ''}`.trim().slice(-4000)}`);
}

/** Runs a TypeScript file of this repository as `npm start` does; `credit-management` is `src/index.ts` there. */
export function runTypeScript(file: string, options: ChildOptions): string {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const env = { ...options.env, TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json') };
  return run(process.execPath, ['--import', tsx, file], { ...options, env });
}

/** A program of one of our devDependencies. */
export function runTool(name: string, args: readonly string[], options: ChildOptions): string {
  return run(join(ROOT, 'node_modules', '.bin', name), args, options);
}

/** Our own environment, but for what `npm run` and vitest say about this package. */
export function environment(): NodeJS.ProcessEnv {
  const own =
    /^(npm_(package|lifecycle|command|execpath|node_execpath|config_local_prefix)|INIT_CWD$|VITEST|NODE_ENV$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}
