/**
 * Every command of the program `credit-management`, with what it prints and its exit code. Needs a PostgreSQL:
 * `CREDIT_DATABASE_URL=postgres://… npx tsx examples/every-command.ts`. It works in a schema of its own, and drops it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createWebhookSecret } from 'credit-management';
import pg from 'pg';

// `npx credit-management` is this file.
const home = dirname(createRequire(import.meta.url).resolve('credit-management/package.json'));
const program = join(home, 'dist', 'cli.js');
const url = process.env.CREDIT_DATABASE_URL;
if (!url || !existsSync(program)) {
  const missing = url ? 'npm run build makes the program' : 'set CREDIT_DATABASE_URL to the URL of a PostgreSQL';
  console.log(`not run: ${missing}`);
  process.exit();
}

const schema = `example_program_${process.pid}`;
const env: Record<string, string | undefined> = {
  PATH: process.env.PATH,
  CREDIT_DATABASE_URL: url,
  CREDIT_DATABASE_SCHEMA: schema,
  CREDIT_LEDGER_FILE: join(mkdtempSync(join(tmpdir(), 'credits-')), 'ledger.jsonl'),
  // A receiver that is away: `fetch` refuses this port.
  CREDIT_WEBHOOK_URL: 'http://127.0.0.1:9/credits',
  CREDIT_WEBHOOK_SECRET: createWebhookSecret(),
};
const did = new Set<string>();

/** Runs one command, which must end with this exit code and print what is expected: to stderr where it is refused. */
function run(command: string, flags: readonly string[], expected: RegExp, code = 0): string {
  const args = [...command.split(' '), ...flags];
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { env, encoding: 'utf8' });
  const output = stdout || stderr;
  console.log(`$ credit-management ${args.join(' ')}\n${output.split('\n', 8).join('\n')}\n[${status}]`);
  assert.equal(status, code, stderr);
  assert.match(output, expected);
  did.add(command);
  return stdout;
}
const pool = new pg.Pool({ connectionString: url });
await pool.query(`create schema ${schema}`);
try {
  const by = ['--actor', 'admin', '--reason', 'Goodwill'];

  // Before the first start: the tables as SQL, for whoever owns the database, and what is missing.
  const tables = run('schema', ['--backend', 'sql', '--schema', schema], /CREATE TABLE/i);
  run('doctor', [], /NOT OK/, 3);
  await pool.query(tables);

  run('add', ['ada', '100', ...by, '--key', 'gift-1'], /balance 100 /);
  run('doctor', [], /^ok /);
  run('add', ['ada', '100', ...by, '--key', 'gift-1'], /balance 100 /); // the same key: nothing is added twice
  run('deduct', ['ada', '30', ...by], /balance 70 /);
  run('deduct', ['ada', '500', ...by], /INSUFFICIENT_CREDITS/, 1);
  run('adjust', [...by, '--', 'ada', '-20'], /balance 50 /);
  assert.equal(JSON.parse(run('balance', ['ada', '--json'], /"available"/)).available, 50);
  run('history', ['ada', '--limit', '2'], /-20 .*\n.*-30 .*\nnext page/);

  for (const job of ['expire', 'allocate', 'holds']) run(job, ['--as-of', '2026-01-01T00:00:00Z'], /completed/);
  run('notify', ['--within-days', '3'], /completed/);
  // The receiver is away: the event waits, and the exit code says that somebody should look.
  run('outbox', ['--json'], /"skipped"/, 3);
  run('sinks list', [], /webhook: [1-9] wait, 0 failed/);
  run('sinks retry', ['--sink', 'webhook'], /0 wait again/);
  env.CREDIT_WEBHOOK_URL = ''; // a process that still has the sink would register it again
  run('sinks remove', ['webhook'], /--yes/, 2);
  run('sinks remove', ['webhook', '--yes'], /removed/);
  run('run', ['--once'], /outbox: completed/); // nothing waits any more

  run('ledger verify', [], / 0 problems/);
  run('ledger reconcile', [], /0 lines added/);
  run('ledger rebuild', ['--yes'], /lines written/);

  const help = run('--help', [], /credit-management <command>/);
  run('gift', ['ada'], /--help/, 2);
  const told = [...help.matchAll(/^ {2}([a-z]+(?: [a-z]+)?)(?= )/gm)].map(([, name = '']) => name);
  const left = told.filter((name) => !did.has(name));
  assert.deepEqual([left, told.length > 15], [[], true]);
  console.log(`${told.length} commands did what they say`);
} finally {
  await pool.query(`drop schema ${schema} cascade`);
  await pool.end();
}
