/** How the installed package loads: idle, without peers, and with errors that its copies recognise. */
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { run } from './child.js';
import type { Project } from './projects.js';
import { manifest, ROOT } from './source-files.js';

/** Packages that a host may have and the main entry never asks for. */
const PEERS = [
  ...['mongodb', 'kysely', 'pg', 'mysql2', 'better-sqlite3', 'redis', 'ioredis', 'hono', 'express', 'fastify', 'next'],
  ...['@nats-io/transport-node', '@nats-io/jetstream', '@hono/node-server', '@hono/zod-openapi', 'ai', 'stripe'],
  ...['razorpay', 'prom-client', '@opentelemetry/api'],
];

/** Subpaths that cannot load without a package that the host installs, nor be compiled. */
export const SUBPATHS_WITH_PEER: readonly { readonly subpath: string; readonly peer: string }[] = [
  // The tracer is made of that package, and a host who traces has it.
  { subpath: 'otel', peer: '@opentelemetry/api' },
];

export function checkIdle(project: Project, format: 'esm' | 'cjs'): void {
  // A handle that were left open would keep the process alive until the time is up.
  assert.equal(runLoading(project, 'idle', [format], { timeoutMs: 20_000 }), 'idle');
}

export function checkErrorsAcrossCopies(project: Project, other: Project): void {
  assert.equal(runLoading(project, 'errors', [join(other.folder, 'index.js')]), 'errors recognised');
}

export function checkNoPeerIsAskedFor(project: Project): void {
  const log = join(project.folder, 'peers.log');
  writeFileSync(log, '');
  copyScript(project, 'refuse-peers');
  const hooks = pathToFileURL(join(project.folder, 'refuse-peers.mjs')).href;
  const peers = [...new Set([...PEERS, ...Object.keys(manifest().peerDependencies ?? {})])];
  const withPeer = SUBPATHS_WITH_PEER.map(({ subpath }) => `./${subpath}`);
  const free = Object.keys(manifest().exports).filter((path) => !path.endsWith('.json') && !withPeer.includes(path));
  const answer = runLoading(
    project,
    'without-peers',
    free.map((path) => `credit-management${path.slice(1)}`),
    { node: ['--import', hooks], env: { PEERS: peers.join(','), PEERS_LOG: log } },
  );
  assert.equal(answer, 'no peer asked for');
}

export function checkMissingPeer(project: Project, { subpath, peer }: (typeof SUBPATHS_WITH_PEER)[number]): void {
  assert.equal(runLoading(project, 'missing-peer', [subpath, peer]), 'missing peer named');
}

/** Drivers that a subpath loads when it is first used. */
export function checkMissingDriver(project: Project): void {
  assert.equal(runLoading(project, 'missing-driver', []), 'missing driver named');
}

function runLoading(
  project: Project,
  script: string,
  args: readonly string[],
  options: { node?: readonly string[]; env?: Readonly<Record<string, string>>; timeoutMs?: number } = {},
): string {
  copyScript(project, script);
  const { node = [], env = {}, timeoutMs = 60_000 } = options;
  return run(process.execPath, [...node, `${script}.mjs`, ...args], { cwd: project.folder, env, timeoutMs }).trim();
}

function copyScript({ folder }: Project, script: string): void {
  copyFileSync(join(ROOT, 'test', 'package', 'loading', `${script}.mjs`), join(folder, `${script}.mjs`));
}
