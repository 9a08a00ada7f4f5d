/**
 * The image of examples/credit-service without a container engine: the steps of its Dockerfile are followed, with the
 * tarball in place of the registry's package, and the service is started, watched, tried and stopped as an engine does.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../backends/free-port.js';
import { isOnPath, OwnProgram } from '../backends/own-program.js';
import { sleep } from '../support/wait.js';
import { environment, run } from './child.js';
import { followDockerfile, type Image } from './dockerfile.js';
import type { Tarball } from './tarball.js';

type Env = Readonly<Record<string, string>>;

/** The numbers of the user `node` in the images of Node.js. */
const NODE_USER = { uid: 1000, gid: 1000 } as const;
const STOP_MS = 10_000;
const START_MS = 60_000;

/** PostgreSQL is used where CREDIT_TEST_POSTGRES_URL names a server, and NATS where there is a `nats-server`. */
export async function checkImage(tarball: Tarball): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'credit-image-'));
  // Another user looks into it, and may write nowhere in it.
  chmodSync(folder, 0o755);
  const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const image = followDockerfile(contextOf(tarball, folder), folder);
    assert.equal(image.user, 'node');
    const database = await databaseFor(ends);
    const token = randomBytes(32).toString('hex');
    const sha256 = createHash('sha256').update(token).digest('hex');
    const port = String(await freePort());
    const place = { SERVICE_HOST: '127.0.0.1', SERVICE_PORT: port, CREDIT_API_ADMIN_TOKENS: sha256 };
    const env: Env = { ...image.env, ...database, ...(await natsFor(ends)), ...place };
    if (env.CREDIT_DATABASE_URL) {
      await expectCode(3, image, [...image.entrypoint, 'migrate', '--check'], env);
      await expectCode(0, image, [...image.entrypoint, 'migrate'], env);
    }
    await serve(image, env, async () => {
      await expectCode(0, image, image.healthcheck, env);
      const smoke = { ...env, SMOKE_TOKEN: token };
      const told = await expectCode(0, image, ['node', 'smoke.mjs'], smoke);
      assert.equal(told.includes('a balance of 69.4'), env.NATS_URL !== undefined, told);
      await expectCode(1, image, ['node', 'smoke.mjs'], { ...smoke, SMOKE_TOKEN: 'wrong' });
    });
    await expectCode(1, image, image.healthcheck, env);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** The folder of the example as it is in the tarball, whose package.json names the tarball itself. */
function contextOf(tarball: Tarball, folder: string): string {
  const unpacked = join(folder, 'unpacked');
  mkdirSync(unpacked);
  run('tar', ['-xzf', tarball.path, '-C', unpacked], { cwd: folder });
  const context = join(unpacked, 'package', 'examples', 'credit-service');
  assert.ok(existsSync(join(context, '.env.example')), 'the tarball has no .env.example');
  const file = join(context, 'package.json');
  const { dependencies, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as { dependencies: Env };
  const named = { ...dependencies, 'credit-management': `file:${tarball.path}` };
  writeFileSync(file, JSON.stringify({ ...rest, dependencies: named }));
  return context;
}

/** Variables of an empty database that is dropped at the end; those of memory without a server. */
async function databaseFor(ends: (() => unknown)[]): Promise<Env> {
  const server = process.env.CREDIT_TEST_POSTGRES_URL;
  if (!server) return { CREDIT_ALLOW_MEMORY: '1' };
  const name = `credit_image_${randomBytes(6).toString('hex')}`;
  const query = async (statement: string) => {
    const client = new pg.Client({ connectionString: server });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await query(`create database ${name}`);
  ends.push(() => query(`drop database ${name} with (force)`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { CREDIT_DATABASE_URL: url.href };
}

class Nats extends OwnProgram {
  async start(port: string, monitor: string): Promise<void> {
    const place = ['-a', '127.0.0.1', '-p', port, '-m', monitor];
    this.launchProgram('nats-server', ['-js', '-sd', this.folder, ...place]);
    await this.answers(async () => (await fetch(`http://127.0.0.1:${monitor}/healthz`)).ok);
  }
}

async function natsFor(ends: (() => unknown)[]): Promise<Env> {
  if (!isOnPath('nats-server')) return {};
  const nats = new Nats('nats');
  ends.push(() => nats.remove());
  const port = String(await freePort());
  await nats.start(port, String(await freePort()));
  const wanted = { CREDIT_NATS_CREATE_STREAMS: 'true', CREDIT_NATS_CONSUME: 'true' };
  return { NATS_URL: `nats://127.0.0.1:${port}`, ...wanted };
}

/** A program of the image, as its user where this process may choose one. */
function launch({ folder: cwd }: Image, [program = '', ...args]: readonly string[], env: Env): ChildProcess {
  const options = { cwd, env: { PATH: environment().PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] as const };
  return spawn(program, args, { ...options, stdio: [...options.stdio], ...(mayChange ? NODE_USER : {}) });
}

const mayChange = process.getuid?.() === 0 && spawnSync('node', ['--version'], NODE_USER).status === 0;

/** Everything that a program printed, once it ended with this exit code. */
async function expectCode(code: number, image: Image, command: readonly string[], env: Env): Promise<string> {
  const child = launch(image, command, env);
  const printed = collect(child);
  const [ended] = await once(child, 'close');
  assert.equal(ended, code, `${command.join(' ').slice(0, 100)}: exit code ${ended}\n${printed().slice(-4_000)}`);
  return printed();
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data) => {
      text += data;
    });
  }
  return () => text;
}

/** Starts the service, uses it, and stops it: it ends by itself, with exit code 0. */
async function serve(image: Image, env: Env, use: () => Promise<void>): Promise<void> {
  const child = launch(image, [...image.entrypoint, ...image.command], env);
  const printed = collect(child);
  const ended = once(child, 'close').then(([code]) => code as number | null);
  try {
    for (let waited = 0; !printed().includes('credit-management serves'); waited += 50) {
      assert.ok(child.exitCode === null && waited < START_MS, `The service does not start: ${printed()}`);
      await sleep(50);
    }
    await use();
    child.kill('SIGTERM');
    assert.equal(await Promise.race([ended, sleep(STOP_MS)]), 0, printed().slice(-4_000));
  } finally {
    child.kill('SIGKILL');
  }
}
