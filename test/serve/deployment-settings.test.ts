/** The files that start the service elsewhere name variables and packages that there are, with usable values. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readVariables, unknownVariables } from '../../src/config/read.js';
import { environmentSchema, type VariableName, variableNames } from '../../src/config/variables.js';
import { readService } from '../../src/serve/settings.js';
import { isOnPath } from '../backends/own-program.js';
import { QUIET } from '../support/quiet.js';
import { compose, FOLDER, ours, textOf, variablesIn } from './deployment-files.js';

const known = new Set<string>(variableNames);
/** Those of the servers, and of smoke.mjs. */
const OTHERS = new Set(['POSTGRES_USER', 'POSTGRES_DB', 'POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'REDISCLI_AUTH']);
const SMOKE = new Set(['SMOKE_TOKEN', 'SMOKE_URL', 'SMOKE_SECONDS']);
const { version, devDependencies } = ours;

test.each([
  ['.env.example', 20],
  ['compose.yaml', 10],
  ['kubernetes.yaml', 6],
  ['README.md', 6],
  ['Dockerfile', 2],
])('%s names variables that something reads', (file, least) => {
  const names = new Set(textOf(file).match(/\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b(?!_)/g));
  names.delete('CREDIT_SERVICE');
  expect([...names].filter((name) => ![known, OTHERS, SMOKE].some((set) => set.has(name)))).toEqual([]);
  expect(names.size).toBeGreaterThanOrEqual(least);
});

test('smoke.mjs reads variables of the service and its own', () => {
  const named = textOf('smoke.mjs').matchAll(/env\.([A-Z_]+)|micro\('([A-Z_]+)'/g);
  const names = new Set([...named].map(([, one, other]) => one ?? other ?? ''));
  expect([...names].filter((name) => !known.has(name) && !SMOKE.has(name))).toEqual([]);
  expect(names.size).toBeGreaterThanOrEqual(11);
});

test('the packages of the image are those that the tests ran with, at this version', () => {
  const { dependencies } = JSON.parse(textOf('package.json')) as { dependencies: Record<string, string> };
  const { 'credit-management': own, ...others } = dependencies;
  expect(own).toBe(`^${version}`);
  for (const [name, wanted] of Object.entries(others))
    expect([name, devDependencies[name] ?? wanted]).toEqual([name, wanted]);
  for (const name of ['pg', 'redis', '@nats-io/transport-node', '@nats-io/jetstream', 'prom-client', 'jose']) {
    expect(others).toHaveProperty([name]);
  }
});

describe('.env.example', () => {
  const text = textOf('.env.example');
  const commented = [...text.matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(
    ([, name = '', value = '']) => [name, value] as const,
  );

  test('is read alike by all that read such files', () => {
    for (const line of text.split('\n')) expect(line).toMatch(/^(#.*|[A-Z_]+=[^\s'"$#\\]*|)$/);
    for (const [name, value] of commented) expect(`${name}=${value}`).toMatch(/^[A-Z_]+=[^\s'"$#\\]+$/);
    const names = [...Object.keys(variablesIn(text)), ...commented.map(([name]) => name)];
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(commented)('shows a value of %s that may be used', (name, value) => {
    expect(environmentSchema.shape[name as VariableName].safeParse(value)).toMatchObject({ success: true });
  });

  test('shows values that may be used together', () => {
    const env = { ...Object.fromEntries(commented), CREDIT_API_ADMIN_TOKENS: 'a'.repeat(64) };
    expect(readVariables(env, 'service').problems).toEqual([]);
    const { parts, problems } = readService(env, { logger: QUIET });
    expect(problems).toBe(null);
    expect(parts?.manager.payments.listProviders().toSorted()).toEqual(['razorpay', 'stripe']);
  });

  test.skipIf(!isOnPath('openssl'))('starts the service once it is filled in as README.md says (needs openssl)', () => {
    const cwd = mkdtempSync(join(tmpdir(), 'credit-deployment-'));
    onTestFinished(() => rmSync(cwd, { recursive: true }));
    copyFileSync(join(FOLDER, '.env.example'), join(cwd, '.env.example'));
    const [, block = ''] = /```sh\n(.*?)```/s.exec(textOf('README.md')) ?? [];
    const told = spawnSync('sh', ['-ec', `${block}\nprintf %s "$TOKEN"`], { cwd, encoding: 'utf8' });
    expect([told.status, told.stderr, told.stdout]).toEqual([0, '', expect.stringMatching(/^[0-9a-f]{64}$/)]);
    const env = variablesIn(readFileSync(join(cwd, '.env'), 'utf8'));
    expect(Object.entries(env).filter(([, value]) => value === '')).toEqual([]);
    expect([readVariables(env, 'service').problems, unknownVariables(env)]).toEqual([[], []]);
    const inContainer = { ...env, ...compose(env).services['credit-service'].environment, NODE_ENV: 'production' };
    expect(readService(inContainer, { logger: QUIET })).toMatchObject({ problems: null, parts: { warnings: [] } });
  });
});
