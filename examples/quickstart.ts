/**
 * The main job: a small story of one user's credits, in memory, in a second. `npm start`
 *
 * Time is a clock of our own here, so that days pass at once.
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCreditManagement, isCreditError, roundUpCredits } from 'credit-management';

// Every change goes to the database and, as one JSON line, to this file.
const filePath = join(mkdtempSync(join(tmpdir(), 'credits-')), 'ledger.jsonl');
let now = Date.parse('2030-01-01T09:00:00Z');
const hours = (count: number) => count * 3_600_000;
const manager = createCreditManagement({
  ledger: { filePath },
  clock: { now: () => new Date(now) },
  defaults: { trialCredits: 50, lowCreditThreshold: '40%' },
});
const { credits } = manager;
const user = 'ada';
const story: { what: string; why: string; balance: number; reserved: number; available: number }[] = [];

async function tell(what: string, why: string): Promise<void> {
  const { balance, reserved, available } = await credits.getUserCreditsInfo(user);
  story.push({ what, why, balance, reserved, available });
  now += 60_000;
}

manager.on('credits.low_balance_reached', (event) => {
  console.log(`event: ${event.userId} is low, ${event.data.available} left (threshold ${event.data.threshold})\n`);
});

// The first write to an account makes its trial grant in the same commit.
await credits.addCredits(user, 100, { source: 'purchase', reference: 'payment-1', idempotencyKey: 'payment-1' });
await tell('bought 100', 'the first write also made the trial grant of 50');

const again = await credits.addCredits(user, 100, {
  source: 'purchase',
  reference: 'payment-1',
  idempotencyKey: 'payment-1',
});
await tell('the payment is reported again', `replayed ${again.replayed}: nothing added twice`);

const promo = await credits.addCredits(user, 30, { source: 'promo', expiresAt: new Date(now + hours(24)) });
await tell('30 from a promotion', 'they expire tomorrow, so they are spent first');

const spent = await credits.deductCredits(user, 40, { description: 'A report' });
const lots = await credits.getGrants(user, { includeClosed: true, order: 'oldest' });
const sourceOf = (grantId: string) => lots.items.find((lot) => lot.id === grantId)?.source;
await tell('spent 40', spent.draws.map((draw) => `${draw.amount} ${sourceOf(draw.grantId)}`).join(' + '));

// A hold around work whose cost is known afterwards: it can never fail for funds, and it never leaks.
const hold = await credits.reserveCredits(user, 60, { reason: 'chat completion' });
await tell('held 60 for a model call', 'an estimate; nobody else can spend them');
const tokens = 12_000;
const cost = roundUpCredits(tokens * 0.003);
const settled = await credits.commitReservedCredits(hold, { amount: cost });
await tell(`settled for ${-settled.delta}`, `${tokens} tokens; the rest of the hold is free again`);

try {
  await credits.deductCredits(user, 500);
} catch (error) {
  if (!isCreditError(error, 'INSUFFICIENT_CREDITS')) throw error;
  const { requested, available } = error.details;
  await tell('asked for 500', `refused: ${requested} requested, ${available} available; nothing changed`);
}

await credits.reverseTransaction(spent.id, { reason: 'The report was empty' });
await tell('the 40 were reversed', 'they are back in the grants they came from');

now += hours(24);
const expired = await credits.expireCredits(user);
await tell(
  'a day later',
  `${expired} promotional credits lapsed at ${promo.createdAt.toISOString().slice(11, 16)} + 24 h`,
);

await credits.deductCredits(user, 95);
await tell('spent 95', 'below 40 % of the trial grant: an event, once');

console.table(story);
const history = await credits.getCreditHistory(user, { order: 'oldest', includeHolds: true });
console.table(
  history.items.map(({ seq, type, delta, balanceAfter, createdAt }) => ({
    seq,
    type,
    delta,
    balanceAfter,
    at: createdAt.toISOString().slice(5, 16).replace('T', ' '),
  })),
);

// Recomputes every hash, sum, grant and hold from the entries, and compares the file with them.
const report = await manager.ledger.verify();
await manager.close();
const lines = readFileSync(filePath, 'utf8').trimEnd().split('\n');
console.log(`ledger file: ${filePath}, ${lines.length} lines; the last one:\n${lines.at(-1)}\n`);
const verdict = report.ok ? 'the same in database and file' : JSON.stringify(report.problems);
console.log(`verify: ${report.checked} entries, ${verdict}`);
if (!report.ok || report.checked !== lines.length) process.exitCode = 1;
