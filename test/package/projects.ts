/** Empty TypeScript projects with the tarball installed, as ES modules and as CommonJS. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Format } from 'esbuild';
import { run, runTool } from './child.js';
import { SUBPATHS_WITH_PEER } from './loading.js';
import { manifest, ROOT } from './source-files.js';
import type { Tarball } from './tarball.js';

export type ProjectKind = 'module' | 'commonjs';

/** The folder of a project; its programs are compiled to `dist`. */
export interface Project {
  readonly kind: ProjectKind;
  readonly folder: string;
}

export const SMOKE = ['smoke-main', 'smoke-testing'] as const;

/** An empty project in which npm has installed the tarball and nothing else. */
export function createProject(kind: ProjectKind, parent: string, tarball: Tarball): Project {
  const folder = join(parent, kind);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: kind, private: true, type: kind }));
  run('npm', ['install', tarball.path, '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder });
  for (const name of SMOKE) {
    writeFileSync(join(folder, `${name}.ts`), readFileSync(join(ROOT, 'test', 'package', `${name}.ts`)));
  }
  return { kind, folder };
}

/** Compiles strictly, the declarations of the package included, and runs the programs. */
export function compileAndRun({ kind, folder }: Project): void {
  compile(folder, {
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules', '@types')],
    lib: ['ES2022'],
    exactOptionalPropertyTypes: kind === 'module',
    outDir: 'dist',
  });
  for (const name of SMOKE) {
    const output = run(process.execPath, [join('dist', `${name}.js`)], { cwd: folder, timeoutMs: 60_000 });
    assert.equal(output.trim(), `${name} ok`);
  }
}

/** The program of the package, as a host's scripts call it. */
export function runProgram({ folder }: Project): void {
  const program = join(folder, 'node_modules', '.bin', 'credit-management');
  assert.match(run(program, ['--help'], { cwd: folder }), /ledger verify/);
  const balance = run(program, ['balance', 'user-1', '--json', '--memory'], { cwd: folder });
  assert.equal(JSON.parse(balance).available, 0);
}

/** The declarations name no type of Node.js alone: a host that shares types with a browser compiles them too. */
export function compileWithoutNodeTypes({ folder }: Project): void {
  const without = ['./package.json', ...SUBPATHS_WITH_PEER.map(({ subpath }) => `./${subpath}`)];
  const modules = Object.keys(manifest().exports).filter((subpath) => !without.includes(subpath));
  const lines = modules.map((subpath, i) => `export * as m${i} from 'credit-management${subpath.slice(1)}';`);
  writeFileSync(join(folder, 'declarations.ts'), lines.join('\n'));
  const lib = ['ES2022', 'DOM', 'ESNext.Disposable'];
  compile(folder, { types: [], lib, noEmit: true }, ['declarations.ts']);
}

function compile(folder: string, options: object, files: readonly string[] = SMOKE.map((name) => `${name}.ts`)): void {
  const strict = { strict: true, skipLibCheck: false, noUncheckedIndexedAccess: true };
  const compilerOptions = { target: 'ES2022', module: 'NodeNext', ...strict, ...options };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  runTool('tsc', ['--project', 'tsconfig.json'], { cwd: folder });
}

/** Bundles a program with everything it imports, and runs the bundle where nothing else can be found. */
export async function bundleAndRun(
  { folder }: Project,
  name: (typeof SMOKE)[number],
  format: Format & ('esm' | 'cjs'),
  empty: string,
): Promise<void> {
  const outfile = join(empty, `${name}.${format === 'esm' ? 'mjs' : 'cjs'}`);
  // pino is CommonJS and requires modules of Node.js; as ES modules such packages need a `require`.
  const js =
    format === 'esm'
      ? "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);"
      : '';
  const { warnings } = await build({
    entryPoints: [join(folder, `${name}.ts`)],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format,
    outfile,
    banner: { js },
    logLevel: 'silent',
  });
  assert.deepEqual(warnings, []);
  assert.equal(run(process.execPath, [outfile], { cwd: empty, timeoutMs: 60_000 }).trim(), `${name} ok`);
}
