/** Who may import whom: the layer table as data, and the check of every import against it. */
import { posix } from 'node:path';
import ts from 'typescript';
import type { SourceFiles } from './source-files.js';

interface Layer {
  /** Other layers it may import; its own files it always may, and everybody those of `ALONE`. */
  readonly layers: readonly string[] | 'any';
  /** Node's own modules. */
  readonly builtins: readonly string[] | 'any';
  /** Packages of `dependencies`. */
  readonly packages: readonly string[];
  /** Whether it may import packages of `peerDependencies`, all of which are optional. */
  readonly peers: boolean;
}

const adapter: Layer = { layers: ['ports', 'models'], builtins: 'any', packages: [], peers: true };
const edge: Layer = {
  layers: ['services', 'models', 'ports', 'config'],
  builtins: 'any',
  packages: ['zod'],
  peers: true,
};

/** By folder of `src`; a file directly in `src` is of the layer `root`, but for those of `ALONE`. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  errors: { layers: [], builtins: [], packages: [], peers: false },
  timers: { layers: [], builtins: [], packages: [], peers: false },
  oldest: { layers: [], builtins: [], packages: [], peers: false },
  'circuit-breaker': { layers: [], builtins: [], packages: [], peers: false },
  // util.types.isProxy: the one way to see a proxy before it is read.
  models: { layers: [], builtins: ['node:util'], packages: ['zod'], peers: false },
  core: { layers: ['models'], builtins: ['node:crypto'], packages: [], peers: false },
  ports: { layers: ['models'], builtins: [], packages: [], peers: false },
  services: {
    layers: ['core', 'ports', 'models'],
    builtins: ['node:crypto', 'node:async_hooks'],
    packages: ['zod', 'pino'],
    peers: false,
  },
  db: adapter,
  cache: adapter,
  queues: adapter,
  sinks: adapter,
  ledger: adapter,
  payments: adapter,
  limiters: adapter,
  redis: { ...adapter, layers: [...adapter.layers, 'limiters'] },
  nats: adapter,
  config: { layers: [], builtins: 'any', packages: ['zod'], peers: false },
  serve: { layers: 'any', builtins: 'any', packages: ['pino'], peers: true },
  http: edge,
  llm: edge,
  metrics: edge,
  otel: adapter,
  cli: edge,
  entries: { layers: 'any', builtins: 'any', packages: [], peers: false },
  testing: { layers: 'any', builtins: 'any', packages: ['zod'], peers: false },
  root: { layers: 'any', builtins: 'any', packages: ['zod', 'pino'], peers: false },
};

/** Files of `src` that everybody may import. */
const ALONE = ['errors', 'timers', 'circuit-breaker', 'oldest'];

/** The file whose imports, all the way down, load no optional peer. */
const MAIN_ENTRY = 'src/index.ts';

/** What breaks the table, one sentence each; `peers` are the names in `peerDependencies`. */
export function brokenImports(files: SourceFiles, peers: readonly string[]): string[] {
  const problems: string[] = [];
  for (const [path, text] of files) {
    const name = layerOf(path);
    const layer = LAYERS[name];
    if (!layer) {
      problems.push(`${path}: the layer table has no folder "${name}"`);
      continue;
    }
    for (const specifier of importsOf(text)) {
      const problem = judge(path, name, layer, specifier, peers);
      if (problem) problems.push(`${path}: ${problem}`);
    }
  }
  for (const [path, name] of packagesReachedFrom(MAIN_ENTRY, files)) {
    if (peers.includes(name)) problems.push(`${path}: ${MAIN_ENTRY} reaches it, so it may not import the peer ${name}`);
  }
  return problems;
}

/** Everything that a module names: imports and exports, of types too, `import()` and `require()`. */
export function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
}

function judge(path: string, name: string, layer: Layer, specifier: string, peers: readonly string[]): string | null {
  if (specifier.startsWith('node:')) {
    const allowed = layer.builtins === 'any' || layer.builtins.includes(specifier);
    return allowed ? null : `${name} may not import ${specifier}`;
  }
  if (!specifier.startsWith('.')) {
    const wanted = packageOf(specifier);
    if (layer.packages.includes(wanted)) return null;
    if (peers.includes(wanted)) return layer.peers ? null : `${name} may not import the optional peer ${wanted}`;
    return `${name} may not import the package ${wanted}`;
  }
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.startsWith('src/')) return `it imports ${specifier}, which is outside src`;
  const other = layerOf(target);
  const allowed = layer.layers === 'any' || other === name || ALONE.includes(other) || layer.layers.includes(other);
  return allowed ? null : `${name} may not import ${other} (${specifier})`;
}

/** `src/db/memory/manager.ts` → `db`, `src/errors.js` → `errors`, `src/index.ts` → `root`. */
function layerOf(path: string): string {
  const [, first = '', second] = path.split('/');
  if (second !== undefined) return first;
  const name = first.replace(/\.[jt]s$/, '');
  return ALONE.includes(name) ? name : 'root';
}

/** `@nats-io/jetstream/lib` → `@nats-io/jetstream`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Pairs of a file and a package that it imports, over everything that `entry` imports directly or not. */
function packagesReachedFrom(entry: string, files: SourceFiles): [path: string, name: string][] {
  const reached: [string, string][] = [];
  const seen = new Set([entry]);
  for (const path of seen) {
    for (const specifier of importsOf(files.get(path) ?? '')) {
      if (specifier.startsWith('.')) seen.add(posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts'));
      else if (!specifier.startsWith('node:')) reached.push([path, packageOf(specifier)]);
    }
  }
  return reached;
}
