/**
 * The main job: a small story of one user's credits, in memory, in a second. `npm start`
 *
 * Time is a clock of our own here, so that days and months pass at once.
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CreditEvent, createCreditManagement, isCreditError, roundUpCredits } from 'credit-management';

// Every change goes to the database and, as one JSON line, to this file.
const filePath = join(mkdtempSync(join(tmpdir(), 'credits-')), 'ledger.jsonl');
const start = '2030-01-01T09:00:00Z';
let now = Date.parse(start);
const hours = (count: number) => count * 3_600_000;
const manager = createCreditManagement({
  ledger: { filePath },
  clock: { now: () => new Date(now) },
  defaults: { trialCredits: 50, lowCreditThreshold: '40%' },
});
const { credits, subscriptions } = manager;
const user = 'ada';
const heard: CreditEvent[] = [];
manager.on('credits.low_balance_reached', (event) => void heard.push(event));

const line = (...cells: readonly (string | number)[]) =>
  cells
    .map((cell, i) => (typeof cell === 'number' ? String(cell).padStart(9) : cell.padEnd(i === 0 ? 30 : 0)))
    .join(' ');
console.log('                                 balance  reserved available');

/** Prints one step of the story with the balance after it, and what was told meanwhile. */
async function tell(what: string, why: string): Promise<void> {
  const { balance, reserved, available } = await credits.getUserCreditsInfo(user);
  console.log(line(what, balance, reserved, available, ` ${why}`));
  for (const { userId, data } of heard.splice(0)) {
    if ('threshold' in data)
      console.log(`  event: ${userId} is low, ${data.available} left, threshold ${data.threshold}`);
  }
  now += 60_000;
}

// The first write to an account makes its trial grant in the same commit.
const payment = { source: 'purchase', reference: 'payment-1', idempotencyKey: 'payment-1' } as const;
await credits.addCredits(user, 100, payment);
await tell('bought 100', 'the first write also made the trial grant of 50');

const again = await credits.addCredits(user, 100, payment);
await tell('the payment is reported again', `replayed ${again.replayed}: nothing added twice`);

await credits.addCredits(user, 30, { source: 'promo', expiresAt: new Date(now + hours(24)) });
await tell('30 from a promotion', 'they expire tomorrow, so they are spent first');

const spent = await credits.deductCredits(user, 40, { description: 'A report' });
const lots = await credits.getGrants(user, { includeClosed: true, order: 'oldest' });
const sourceOf = (grantId: string) => lots.items.find((lot) => lot.id === grantId)?.source;
await tell('spent 40', spent.draws.map((draw) => `${draw.amount} ${sourceOf(draw.grantId)}`).join(' + '));

// A hold around work whose cost is known afterwards: it can never fail for funds, and it never leaks.
const hold = await credits.reserveCredits(user, 60, { reason: 'chat completion' });
await tell('held 60 for a model call', 'an estimate; nobody else can spend them');
const tokens = 12_000;
const settled = await credits.commitReservedCredits(hold, { amount: roundUpCredits(tokens * 0.003) });
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
await tell('a day later', `${expired} promotional credits lapsed 24 hours after they were given`);

await credits.deductCredits(user, 95);
await tell('spent 95', 'below 40 % of the trial grant: an event, once');

// A subscription grants its credits for one period; what is left of them ends with it.
const plan = await subscriptions.addSubscriptionPlan({
  ...{ name: 'Pro', creditLimit: 200, price: 19, currency: 'USD', billingPeriod: 'monthly', rolloverCap: 50 },
});
const { periodEnd } = await subscriptions.setUserSubscriptionPlan(user, plan);
await tell('subscribed to Pro', 'the first period is granted at once, 200');

const used = async () => {
  const [own] = (await subscriptions.getUserSubscription(user))?.usage ?? [];
  return own ? `used ${own.used} of ${own.granted} this period` : 'no subscription';
};
await credits.deductCredits(user, 120);
await tell('spent 120', await used());

now = periodEnd.getTime();
await manager.jobs.runAllocation();
await tell('a month later', `renewed; of the 80 that were left, 50 roll over: ${await used()}`);

await credits.deductCredits(user, 70);
await tell('spent 70', await used());

const history = await credits.getCreditHistory(user, { order: 'oldest', limit: 100 });
console.table(
  history.items.map(({ seq, type, source, delta, balanceAfter, createdAt }) => ({
    ...{ seq, type, source, delta, balanceAfter },
    at: createdAt.toISOString().slice(5, 16).replace('T', ' '),
  })),
);

// The sums of the rows above, made by one call.
const months = await credits.getUsageSummary(user, { from: start, by: 'month' });
console.table(months);
const micros = (amount: number) => Math.round(amount * 1e6);
const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + micros(one), 0) / 1e6;
const ofRows = sum(history.items.map(({ delta }) => delta));
const ofMonths = sum(months.flatMap(({ added, spent: taken, expired: lapsed }) => [added, -taken, -lapsed]));
const { balance } = await credits.getUserCreditsInfo(user);
console.log(`sum of the rows ${ofRows}, of the months ${ofMonths}, balance ${balance}`);

// Recomputes every hash, sum, grant and hold from the entries, and compares the file with them.
const report = await manager.ledger.verify();
await manager.close();
const lines = readFileSync(filePath, 'utf8').trimEnd().split('\n');
console.log(`ledger file: ${filePath}, ${lines.length} lines; the last one:\n${lines.at(-1)}\n`);
const verdict = report.ok ? 'the same in database and file' : JSON.stringify(report.problems);
console.log(`verify: ${report.checked} entries, ${verdict}`);
const isRight = report.ok && report.checked === lines.length && ofRows === balance && ofMonths === balance;
if (!isRight) process.exitCode = 1;
