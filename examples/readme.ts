import { createCreditManagement, isCreditError } from 'credit-management';

const manager = createCreditManagement(); // in memory; give it a database to keep anything
const { credits } = manager;

await credits.addCredits('user-1', 100, { source: 'purchase', idempotencyKey: 'payment-1' });
await credits.addCredits('user-1', 20, { source: 'promo', expiresAt: '2099-01-01T00:00:00Z' });

const hold = await credits.reserveCredits('user-1', 30); // before the work
const charge = await credits.commitReservedCredits(hold, { amount: 25 }); // what it really cost
console.log(`charged ${-charge.delta}, balance ${charge.balanceAfter}`);

const retry = await credits.addCredits('user-1', 100, { source: 'purchase', idempotencyKey: 'payment-1' });
console.log(`the same payment again: replayed ${retry.replayed}`);

try {
  await credits.deductCredits('user-1', 500);
} catch (error) {
  if (!isCreditError(error, 'INSUFFICIENT_CREDITS')) throw error;
  console.log(`asked for ${error.details.requested}, available ${error.details.available}`);
}

await manager.close();
