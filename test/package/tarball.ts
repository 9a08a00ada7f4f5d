/** The build and the packed tarball: what is in it, what is not, and what package.json says of it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import config from '../../tsup.config.js';
import { run, runTool } from './child.js';
import { manifest, ROOT } from './source-files.js';

export interface Tarball {
  readonly path: string;
  readonly files: readonly string[];
  readonly packedBytes: number;
  readonly unpackedBytes: number;
}

const DIST = join(ROOT, 'dist');
const ALLOWED = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/[\w.-]+\.(js|cjs|d\.ts|d\.cts))$/,
  /^examples\/([\w-]+\.ts|credit-service\/[\w.-]+)$/,
];
const REQUIRED = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'];
/** A little more than it has; source maps, or zod and pino inside, would go beyond. */
const PACKED_BYTES_MAX = 1_280_000;
const UNPACKED_BYTES_MAX = 5_200_000;
/** Characters of one JavaScript file of dist, without its map. */
const FILE_CHARS_MAX = 900_000;

export function pack(folder: string): Tarball {
  // Built just before: the scripts would build again.
  const answer = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], { cwd: ROOT });
  const [packed] = JSON.parse(answer) as [
    { filename: string; size: number; unpackedSize: number; files: { path: string }[] },
  ];
  const files = packed.files.map((file) => file.path);
  const { size: packedBytes, unpackedSize: unpackedBytes } = packed;
  return { path: join(folder, packed.filename), files, packedBytes, unpackedBytes };
}

export function checkContents({ files, packedBytes, unpackedBytes }: Tarball): void {
  assert.deepEqual(
    files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file))),
    [],
    'files that do not belong there',
  );
  assert.deepEqual(
    REQUIRED.filter((file) => !files.includes(file)),
    [],
    'files that are missing',
  );
  assert.ok(packedBytes <= PACKED_BYTES_MAX, `${packedBytes} bytes packed, at most ${PACKED_BYTES_MAX} are expected`);
  const unpacked = `${unpackedBytes} bytes unpacked, at most ${UNPACKED_BYTES_MAX} are expected`;
  assert.ok(unpackedBytes <= UNPACKED_BYTES_MAX, unpacked);
  // README.md names programs in this folder.
  const named = readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/examples\/[\w-]+\.ts/g);
  const gone = [...named].map(([path]) => path).filter((path) => !files.includes(path));
  assert.deepEqual(gone, [], 'examples that README.md names');
}

/** Targets of `exports` and `bin` are in the tarball; the entries of tsup, each in both formats, are all there is. */
export function checkExports({ files }: Tarball): void {
  const { exports, bin } = manifest();
  const targets = (value: unknown): string[] =>
    typeof value === 'string' ? [value.replace('./', '')] : Object.values(value as object).flatMap(targets);
  const missing = targets({ exports, bin }).filter((target) => !files.includes(target));
  assert.deepEqual(missing, [], 'targets of "exports" that are not in the tarball');

  assert.ok(typeof config === 'object' && !Array.isArray(config), 'tsup.config.ts is expected to hold one object');
  const expected: Record<string, unknown> = { './package.json': './package.json' };
  const programs = Object.values(bin);
  for (const entry of Object.keys(config.entry ?? {})) {
    if (programs.includes(`./dist/${entry}.js`)) continue;
    expected[entry === 'index' ? '.' : `./${entry}`] = {
      import: { types: `./dist/${entry}.d.ts`, default: `./dist/${entry}.js` },
      require: { types: `./dist/${entry}.d.cts`, default: `./dist/${entry}.cjs` },
    };
  }
  assert.deepEqual(exports, expected, '"exports" against the entries of tsup.config.ts');
}

/** zod and pino in `devDependencies` would be bundled into dist without a word. */
export function checkNothingIsBundled(): void {
  assert.deepEqual(Object.keys(manifest().dependencies).sort(), ['pino', 'zod'], 'dependencies');
  for (const name of readdirSync(DIST).filter((each) => /\.c?js$/.test(each))) {
    const text = readFileSync(join(DIST, name), 'utf8');
    assert.ok(text.length <= FILE_CHARS_MAX, `dist/${name} has ${text.length} characters: what is bundled into it?`);
    assert.ok(!/\b_optionalChain\(/.test(text), `dist/${name} is compiled down: every ?. costs closures there`);
  }
}

/** The packages that an entry of dist names, whether or not it loads them. */
export async function checkNamedPackages(): Promise<void> {
  for (const [entry, expected] of [
    ['index', ['pino', 'zod']],
    ['testing', ['pino', 'zod']],
  ] as const) {
    for (const extension of ['js', 'cjs']) {
      const path = join(DIST, `${entry}.${extension}`);
      assert.ok(existsSync(path), path);
      const { metafile } = await build({
        entryPoints: [path],
        bundle: true,
        packages: 'external',
        platform: 'node',
        format: 'esm',
        metafile: true,
        write: false,
        logLevel: 'silent',
      });
      const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
      const named = imports.filter((each) => each.external && !each.path.startsWith('node:')).map((each) => each.path);
      assert.deepEqual([...new Set(named)].sort(), expected, `packages named by dist/${entry}.${extension}`);
    }
  }
}

export function publint({ path }: Tarball): void {
  runTool('publint', ['run', path, '--strict'], { cwd: ROOT });
}

export function areTheTypesWrong({ path }: Tarball): void {
  // node10 cannot see subpaths; every Node.js we support can.
  runTool('attw', [path, '--profile', 'node16', '--no-emoji', '--no-color'], { cwd: ROOT });
}
