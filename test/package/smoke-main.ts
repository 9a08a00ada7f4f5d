/** What a host does first, with the main entry alone. Compiled, run and bundled from projects that have the package. */
import assert from 'node:assert/strict';
import {
  type Applied,
  createCreditManagement,
  createCreditService,
  InMemoryDbManager,
  isCreditError,
  type MutationOptions,
  type Transaction,
} from 'credit-management';

async function main(): Promise<void> {
  const manager = createCreditManagement({ db: new InMemoryDbManager(), creditTypes: { image: {} } });
  const { credits } = manager;
  const options: MutationOptions = { idempotencyKey: 'order-1', description: undefined };
  const added: Applied<Transaction> = await credits.addCredits('user-1', 100, options);
  assert.equal(added.balanceAfter, 100);
  assert.equal((await credits.addCredits('user-1', 100, options)).replayed, true);
  assert.equal((await credits.deductCredits('user-1', '2.5')).balanceAfter, 97.5);
  try {
    await credits.deductCredits('user-1', 98);
    assert.fail('98 of 97.5 credits were spent');
  } catch (error) {
    if (!isCreditError(error, 'INSUFFICIENT_CREDITS')) throw error;
    const { requested, available }: { requested: number; available: number } = error.details;
    assert.deepEqual([requested, available, error.retryable], [98, 97.5, false]);
  }
  const hold = await credits.reserveCredits('user-1', 50);
  await credits.commitReservedCredits(hold, { amount: 20 });
  assert.equal((await credits.getUserCreditsInfo('user-1')).available, 77.5);
  assert.equal((await manager.creditType('image').getUserCreditsInfo('user-1')).balance, 0);
  await manager.close();
  assert.equal((await createCreditService().getUserCreditsInfo('user-1')).balance, 0);
  console.log('smoke-main ok');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
