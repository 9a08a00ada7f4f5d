/** Makes each verb COUNT times, for a test that counts the hidden classes that V8 makes meanwhile. */
import { createCreditManagement, InMemoryDbManager } from '../../src/index.js';
import { QUIET } from '../support/quiet.js';

const count = Number(process.argv[2]);
const { credits } = createCreditManagement({ db: new InMemoryDbManager(), logger: QUIET });
const user = (n: number) => `user-${n % 50}`;

const VERBS: readonly ((n: number) => Promise<unknown>)[] = [
  (n) => credits.addCredits(user(n), 10),
  (n) => credits.deductCredits(user(n), 1),
  (n) => credits.deductCredits(user(n), 1, { idempotencyKey: `key-${n}`, metadata: { n }, description: 'Work' }),
  (n) => credits.deductCredits(user(n), 1, { dryRun: true }),
  (n) => credits.deductCredits(user(n), 1e9).catch(() => {}),
  (n) => credits.deductCreditsAfterService(user(n), 1),
  async (n) => credits.commitReservedCredits(await credits.reserveCredits(user(n), 2)),
  async (n) => {
    const hold = await credits.reserveCredits(user(n), 2);
    await credits.commitReservedCredits(hold, { amount: 1, final: false });
    await credits.extendReservation(hold, { ttlSeconds: 600 });
    await credits.releaseReservedCredits(hold);
  },
  (n) => credits.withCredits({ userId: user(n), estimate: 2 }, async (meter) => meter.add(1)),
  async (n) => credits.reverseTransaction(await credits.deductCredits(user(n), 1)),
  (n) => credits.transferCredits({ from: user(n), to: user(n + 1), amount: 1 }),
  (n) => credits.adjustCredits(user(n), 1, { actor: 'ops', reason: 'Test' }),
  (n) => credits.updateAccount(user(n), { overdraftLimit: n % 2 }),
  (n) => credits.getUserCreditsInfo(user(n)),
  (n) => credits.getUserCreditsInfo(user(n), { fresh: true }),
  (n) => credits.getCreditHistory(user(n), { limit: 5 }),
  (n) => credits.getActiveReservations(user(n)),
];

for (const verb of VERBS) for (let n = 0; n < count; n++) await verb(n);
process.disconnect();
