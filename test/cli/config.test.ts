/** The commands `config` and `migrate`, and the configuration file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EXIT } from '../../src/cli/command.js';
import { type Program, runCli } from '../../src/cli/main.js';
import { readConfigFile, watchConfigFile } from '../../src/config/file.js';
import { createCreditManagementFromEnv } from '../../src/env.js';
import { describePostgres } from '../backends/postgres.js';
import { QUIET } from '../support/quiet.js';
import { until } from '../support/wait.js';

type Env = Readonly<Record<string, string>>;

const PROGRAM: Program = {
  open: (given, _, creditScale) => createCreditManagementFromEnv({ creditScale, logger: QUIET }, given),
  schemas: { postgres: () => '', mongodb: () => ({}) },
  openapi: () => ({}),
  serve: async (given) => ({ problems: [JSON.stringify(given)] }),
};

async function run(typed: readonly string[], { env = {}, folder }: { env?: Env; folder?: string } = {}) {
  const said = { out: '', err: '' };
  const io = {
    ...{ env, isTerminal: false, ask: null, signal: new AbortController().signal },
    ...(folder !== undefined && { configFile: () => readConfigFile(folder) }),
    out: (text: string) => (said.out += text),
    err: (text: string) => (said.err += text),
  };
  const code = await runCli(typed, io, PROGRAM);
  return { code, ...said };
}

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'credit-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const JSON_FILE = 'credit-management.config.json';
const TS_FILE = 'credit-management.config.ts';
const valuesIn = (out: string) =>
  new Map(
    (JSON.parse(out) as { variables: { variable: string; value: string; from: string }[] }).variables.map(
      ({ variable, value, from }) => [variable, `${value} | ${from}`],
    ),
  );

describe('config', () => {
  test('tells each value and where it comes from: flag, environment, file, default', async () => {
    const file = { SERVICE_PORT: 9000, LOG_LEVEL: 'debug', CREDIT_LEDGER_FILE: 'from-file', TRIAL_CREDITS: '5' };
    const folder = folderWith({ [JSON_FILE]: JSON.stringify(file) });
    const env = { LOG_LEVEL: 'warn', SERVICE_NAME: '', CREDIT_DATABASE_URL: 'postgres://u:secret@h/x' };
    const { code, out } = await run(['config', '--json', '--ledger-file', 'from-flag'], { env, folder });
    expect(code).toBe(EXIT.done);
    expect(out).not.toContain('secret');
    const values = valuesIn(out);
    expect(values.get('SERVICE_PORT')).toBe(`9000 | ${JSON_FILE}`);
    expect(values.get('LOG_LEVEL')).toBe('warn | environment');
    expect(values.get('CREDIT_LEDGER_FILE')).toBe('from-flag | --ledger-file');
    expect(values.get('CREDIT_DATABASE_URL')).toBe('(set, not shown) | environment');
    expect(values.get('SERVICE_NAME')).toBe('credit-service | default');
    expect(values.get('CREDIT_MONGO_URI')).toBe('none | default');
  });

  test('tells every problem, and the variables that nothing reads', async () => {
    const env = { SERVICE_PORT: 'x', LOG_LEVEL: 'loud', CREDIT_PORT: '1' };
    const { code, out } = await run(['config'], { env });
    expect(code).toBe(EXIT.problems);
    expect(out).toMatch(
      /NOT OK SERVICE_PORT is not .*\nNOT OK LOG_LEVEL is none of .*\nCREDIT_PORT is read by nothing/,
    );
  });
});

describe('serve --watch', () => {
  test('starts again when the file is written, also after one that was wrong', async () => {
    const folder = folderWith({ [JSON_FILE]: '{"SERVICE_PORT": 1}' });
    const stop = new AbortController();
    const served: string[] = [];
    const closed: string[] = [];
    const told: string[] = [];
    const io = {
      ...{ env: {}, isTerminal: false, ask: null, signal: stop.signal },
      configFile: () => readConfigFile(folder),
      watchConfig: (changed: () => void) => watchConfigFile(folder, changed),
      out: () => {},
      err: (text: string) => void told.push(text),
    };
    const ended = runCli(['serve', '--watch'], io, {
      ...PROGRAM,
      async serve({ SERVICE_PORT: port = '' }) {
        served.push(port);
        return port === '2' ? { problems: ['2 is wrong'] } : { url: port, close: async () => void closed.push(port) };
      },
    });
    for (const port of ['1', '2', '3']) {
      writeFileSync(join(folder, JSON_FILE), `{"SERVICE_PORT": ${port}}`);
      await until(() => served.at(-1) === port, `it is started with ${port}`);
    }
    expect(told.join('')).toContain('2 is wrong');
    stop.abort();
    expect(await ended).toBe(EXIT.done);
    expect(closed.at(-1)).toBe('3');
  });
});

describe('the configuration file', () => {
  test('says what the environment does not, for every command', async () => {
    const folder = folderWith({ [TS_FILE]: `export default { CREDIT_MONGO_DB: 'shop', CREDIT_NATS_CONSUME: true };` });
    const { out } = await run(['config', '--json'], { folder });
    expect(valuesIn(out).get('CREDIT_MONGO_DB')).toBe(`shop | ${TS_FILE}`);
    expect(valuesIn(out).get('CREDIT_NATS_CONSUME')).toBe(`true | ${TS_FILE}`);
    const served = await run(['serve'], { folder, env: { SERVICE_PORT: '0' } });
    expect(served.code).toBe(EXIT.usage);
    expect(served.err).toContain('"CREDIT_MONGO_DB":"shop"');
    expect(served.err).toContain('"SERVICE_PORT":"0"');
  });

  test.each([
    [{ [JSON_FILE]: '{' }, 'cannot be read'],
    [{ [JSON_FILE]: '[]' }, 'holds no object'],
    [{ [JSON_FILE]: '{"SERVICE_PROT": 1}' }, 'SERVICE_PROT, which nothing reads'],
    [{ [JSON_FILE]: '{"SERVICE_PORT": [1]}' }, 'neither text, number'],
    [{ [JSON_FILE]: '{}', [TS_FILE]: 'export default {}' }, 'keep one'],
  ])('%j is refused', async (files, problem) => {
    const { code, err } = await run(['config'], { folder: folderWith(files) });
    expect(code).toBe(EXIT.usage);
    expect(err).toContain(problem);
  });
});

await describePostgres('migrate on PostgreSQL', (database) => {
  test('makes what is missing, from four at once, and --check makes nothing', async () => {
    const url = ['--database-url', database.url];
    const before = await run(['migrate', '--check', '--json', ...url], { env: {} });
    expect(before.code).toBe(EXIT.problems);
    expect(JSON.parse(before.out)).toMatchObject({
      upToDate: false,
      missing: expect.arrayContaining(['table credit_account']),
    });
    expect((await run(['migrate', '--check', ...url])).code).toBe(EXIT.problems);
    const all = await Promise.all(Array.from({ length: 4 }, () => run(['migrate', ...url])));
    for (const { code, out } of all) {
      expect(code).toBe(EXIT.done);
      expect(out).toContain('There are no down-migrations');
    }
    expect(await run(['migrate', '--check', ...url])).toEqual({
      ...{ code: EXIT.done, err: '', out: 'The database has everything.\n' },
    });
  });
});
