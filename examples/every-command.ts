/**
 * Every command of the program `credit-management`, with what it prints and its exit code. Needs a PostgreSQL:
 * `CREDIT_DATABASE_URL=postgres://… npx tsx examples/every-command.ts`. It works in a schema of its own, and drops it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createWebhookSecret } from 'credit-management';
import { createCreditManagementFromEnv } from 'credit-management/env';
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
  run('migrate', ['--check'], /Missing: table credit_account/, 3);
  await pool.query(tables);
  run('migrate', [], /The database has everything/);

  // The service needs somebody who tells who asks.
  run('config', [], /^SERVICE_PORT +8015 +default$/m);
  run('serve', [], /CREDIT_API_ADMIN_TOKENS/, 2);

  run('add', ['ada', '100', ...by, '--key', 'gift-1'], /balance 100 /);
  run('doctor', [], /^ok /);
  run('add', ['ada', '100', ...by, '--key', 'gift-1'], /balance 100 /); // the same key: nothing is added twice
  run('deduct', ['ada', '30', ...by], /balance 70 /);
  run('deduct', ['ada', '500', ...by], /INSUFFICIENT_CREDITS/, 1);
  run('adjust', [...by, '--', 'ada', '-20'], /balance 50 /);
  assert.equal(JSON.parse(run('balance', ['ada', '--json'], /"available"/)).available, 50);
  run('history', ['ada', '--limit', '2'], /-20 .*\n.*-30 .*\nnext page/);

  // Accounts, grants and holds. What changes credits or ends something waits for --yes, and says what it would do.
  const json = (command: string, flags: readonly string[]) => JSON.parse(run(command, [...flags, '--json'], /^{/));
  const sure = [...by, '--yes'];
  run('accounts create', ['bob', ...by, '--trial-credits', '5'], /This would create the account of bob .* --yes/, 2);
  run('accounts create', ['bob', ...sure, '--trial-credits', '5'], /^balance +5$/m);
  run('accounts change', ['bob', ...sure, '--overdraft-limit', '10'], /^balance +5$/m);
  run('accounts show', ['bob'], /^ownOptions .*"overdraftLimit":10/m);
  run('accounts list', [], /^userId .*\n(bob|ada) /);
  const order = ['--source', 'purchase', '--payment-id', 'pay-1', '--expires-at', '2999-01-01T00:00:00Z'];
  run('grants create', ['bob', '20', ...sure, ...order], /^delta +20$/m);
  const [grant] = json('grants list', ['bob', '--payment-id', 'pay-1']).items;
  const hold = json('holds create', ['bob', '15', ...sure]);
  run('holds change', [hold.id, ...by, '--ttl-seconds', '3600'], /^status +active$/m);
  run('holds list', ['bob'], /^id .*\n\S+ +15 +15 /);
  run('holds commit', [hold.id, ...sure, '--amount', '12', '--final', 'no'], /^delta +-12$/m);
  run('holds end', [hold.id, ...by], /This would give 3 credits on hold back to bob/, 2);
  run('holds end', [hold.id, ...sure], /^status +committed$/m);
  run('holds show', [hold.id], /^released +3$/m);
  run('grants show', [grant.id], /^transactionId .*\n\S+ +commit_reserved +/);
  run('grants change', [grant.id, ...sure, '--priority', '7'], /^type +grant_updated$/m);
  run('grants end', [grant.id, ...by, '--amount', '1', '--dry-run'], /^delta +-1$/m);
  run('grants end', [grant.id, ...sure, '--amount', '1'], /^delta +-1$/m);

  // Plans, the subscriptions to them, and promo codes.
  const terms = ['--price', '0', '--billing-period', 'monthly'];
  run('plans create', ['--code', 'small', '--name', 'Small', '--credit-limit', '100', ...terms, ...by], /^id +p-/m);
  const large = ['--code', 'large', '--name', 'Large', '--credit-limit', '300', ...terms, '--renew-on', 'payment'];
  run('plans create', [...large, ...by], /^renewOn +payment$/m);
  run('plans change', ['small', '--description', 'To begin with', ...by], /^description +To begin with$/m);
  run('plans show', ['small'], /^creditLimit +100$/m);
  run('plans list', [], /^id +code +name /);
  run('subscriptions create', ['cat', 'small', ...sure], /^planName +Small$/m);
  run('subscriptions change', ['cat', 'large', ...by], /This would grant cat 200 credits now/, 2);
  run('subscriptions change', ['cat', 'large', ...sure], /^planName +Large$/m);
  const until = ['--until', new Date(Date.now() + 40 * 86_400_000).toISOString()];
  run('subscriptions wait', ['cat', ...sure, ...until], /^graceUntil +\d/m);
  run('subscriptions renew', ['cat', '--payment-id', 'pay-2', ...sure], /^paidAhead +\["pay-2"\]$/m);
  run('subscriptions show', ['cat'], /^usage .*"granted":200/m);
  run('subscriptions list', ['--plan-id', 'large'], /\ncat /);
  run('subscriptions pause', ['cat', ...sure], /^status +paused$/m);
  run('subscriptions resume', ['cat', ...sure], /^status +active$/m);
  run('subscriptions end', ['cat', '--when', 'now', ...sure], /^status +cancelled$/m);
  run('subscriptions history', ['cat'], /^id +at +message/);
  run('plans end', ['small', ...by], /This would stop offering/, 2);
  run('plans end', ['small', ...sure], /^isActive +false$/m);
  run('plans resume', ['small', ...by], /^isActive +true$/m);
  run('plans delete', ['small', ...sure], /^deleted +true$/m);
  run('promos create', ['welcome', '--credits', '5', ...by], /^code +WELCOME$/m);
  run('promos change', ['welcome', '--max-uses', '100', ...by], /^maxUses +100$/m);
  run('promos show', ['welcome'], /^totalClaims +0$/m);
  run('promos list', [], /\nWELCOME /);
  run('promos claims', ['--code', 'welcome'], /^promoCode +userId/);
  run('promos end', ['welcome', ...sure], /^isActive +false$/m);

  for (const job of ['expire', 'allocate', 'holds expire']) run(job, ['--as-of', '2026-01-01T00:00:00Z'], /completed/);
  run('notify', ['--within-days', '3'], /completed/);
  // The receiver is away: the event waits, and the exit code says that somebody should look.
  run('outbox', ['--json'], /"skipped"/, 3);
  run('sinks list', [], /webhook: [1-9]\d* wait, 0 failed/);
  run('sinks retry', ['--sink', 'webhook'], /0 wait again/);
  run('sinks replay', ['webhook', '--since', '2020-01-01'], /0 wait again/);
  // A message of another system that cannot be applied, its repair, and the trail that it leaves.
  const manager = createCreditManagementFromEnv({}, env);
  const subject = 'evt.credits.manual_adjustment';
  const payload = { merchant_id: 'dan', adjustment_id: '7', amount: '1O', admin_id: 'ann' };
  const event = { event_id: 'e-1', event_type: subject, timestamp: '2030-01-01T00:00:00Z', payload };
  const body = JSON.stringify(event);
  for (const one of [body, '{']) await manager.inbox.receive({ subject, body: one });
  const { items: letters } = await manager.inbox.listDeadLetters({ order: 'oldest' });
  await manager.close();
  const [typo, broken] = letters.map(({ id }) => id) as [string, string];
  run('dlq list', [], /INVALID_AMOUNT/);
  run('dlq show', [typo], /^eventId +e-1$/m);
  const repaired = join(mkdtempSync(join(tmpdir(), 'credits-')), 'body.json');
  writeFileSync(repaired, body.replace('1O', '10'));
  run('dlq replay', [typo, '--body-file', repaired], /^applied/);
  run('dlq drop', [broken], /--yes/, 2);
  run('dlq drop', [broken, '--yes'], /^dropped/);
  run('audit', ['--account', 'dan'], /ann .* e-1 .*\n.*0 with problems/);
  env.CREDIT_WEBHOOK_URL = ''; // a process that still has the sink would register it again
  run('sinks remove', ['webhook'], /--yes/, 2);
  run('sinks remove', ['webhook', '--yes'], /removed/);
  run('run', ['--once'], /outbox: completed/); // nothing waits any more

  run('ledger verify', [], / 0 problems/);
  run('ledger reconcile', [], /0 lines added/);
  run('ledger rebuild', ['--yes'], /lines written/);

  run('openapi', [], /"openapi": *"3\.1/);
  for (const shell of ['bash', 'zsh']) run('completion', [shell], /complete -o default -F _credit_management/);

  const help = run('--help', [], /credit-management <command>/);
  run('gift', ['ada'], /--help/, 2);
  const told = [...help.matchAll(/^ {2}([a-z]+(?: [a-z]+)?)(?= )/gm)].map(([, name = '']) => name);
  const left = told.filter((name) => !did.has(name));
  assert.deepEqual([left, told.length > 50], [[], true]);
  console.log(`${told.length} commands did what they say`);
} finally {
  await pool.query(`drop schema ${schema} cascade`);
  await pool.end();
}
