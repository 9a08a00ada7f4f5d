/**
 * A thousand deductions over four processes, of which one is killed: at a random moment, or between the charge and its
 * record. Each round makes one charge, and its credits come once. CREDIT_PAYMENT_KILLS rounds, CREDIT_SEED.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ADAPTER, describeDatabase } from '../backends/by-adapter.js';
import { openManager } from '../backends/open-adapter.js';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';
import { PATIENT_MS } from '../support/pace.js';
import { sleep, until } from '../support/wait.js';
import { chargingProvider } from './charging-provider.js';
import { Receiver } from './receiver.js';
import type { TopUpWorkerConfig } from './top-up-worker.js';
import { SETTINGS } from './top-up-world.js';

const ROUNDS = amount('CREDIT_PAYMENT_KILLS');
const PROCESSES = 4;
const DEDUCTIONS = 1_000;
/** Deductions that are under way at once. */
const WIDTH = 40;
const SCRIPT = new URL('./top-up-worker.ts', import.meta.url);

await describeDatabase(`top-ups under kill -9 on ${ADAPTER}`, (database) => {
  test(`${ROUNDS} rounds: a thousand deductions over four processes make one charge and one grant`, async () => {
    const chance = new Chance(SEED);
    const root = mkdtempSync(join(tmpdir(), 'credit-top-up-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    const base = { adapter: ADAPTER, url: database.url, timeoutMs: PATIENT_MS, poolSize: 3, waitMs: 150 };
    const manager = openManager(base);
    const mine = chargingProvider(root);
    manager.payments.registerProvider(mine);
    await manager.init();
    const config: TopUpWorkerConfig = { ...base, folder: root };
    let workers = Array.from({ length: PROCESSES }, () => new Receiver(SCRIPT, config));
    await Promise.all(workers.map(({ ready }) => ready));
    const tally = { again: 0, killedBeforeRecord: 0, mended: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const userId = `u${round}`;
      const before = new Set(readdirSync(root));
      const charged = () => readdirSync(root).filter((name) => !before.has(name));
      await manager.credits.addCredits(userId, DEDUCTIONS + 100);
      await manager.payments.setAutoTopUp(userId, { ...SETTINGS, threshold: DEDUCTIONS, coolDownSeconds: 86_400 });
      const keys = Array.from({ length: DEDUCTIONS }, (_, i) => `${userId} k${i}`);
      const deduct = async () => {
        for (let one = keys.pop(); one; one = keys.pop()) {
          for (let answer: string | null = 'new'; answer !== null; ) {
            answer = await chance.pick(workers).take(one);
            if (answer === null) continue;
            tally.again++;
            await sleep(5);
          }
        }
      };
      const deducting = Promise.all(Array.from({ length: WIDTH }, deduct));
      let victim = chance.pick(workers);
      if (round % 2 === 0) {
        await until(() => charged().length > 0, 'it was charged');
        await sleep(20);
        const by = readFileSync(join(root, charged()[0] as string), 'utf8');
        victim = workers.find(({ pid }) => by === String(pid)) ?? victim;
      } else await sleep(chance.below(200));
      victim.kill();
      const { inFlight } = (await manager.payments.getAutoTopUp(userId, { fresh: true })) ?? {};
      if (inFlight && charged().includes(inFlight)) tally.killedBeforeRecord++;
      const next = new Receiver(SCRIPT, config);
      await next.ready;
      workers = [...workers.filter((worker) => worker !== victim), next];
      await deducting;
      const isSettled = async () => {
        if ((await manager.payments.getAutoTopUp(userId, { fresh: true }))?.attempts[0]?.status === 'paid') return true;
        tally.mended += (await manager.payments.reconcilePayments()).changed;
        return false;
      };
      await until(isSettled, 'the payment is recorded');
      expect(charged()).toHaveLength(1);
      const { balance } = await manager.credits.getUserCreditsInfo(userId, { fresh: true });
      expect(balance).toBe(100 + SETTINGS.amount);
      const { payments } = await manager.payments.getPaymentHistory(userId, { fresh: true });
      expect(payments).toMatchObject([{ status: 'paid', topUp: true, creditsAdded: SETTINGS.amount }]);
    }
    expect(tally.killedBeforeRecord).toBeGreaterThan(0);
    expect((await manager.ledger.verify()).problems).toEqual([]);
    for (const worker of workers) worker.kill();
    await manager.close();
    console.log(`top-up kills: ${JSON.stringify({ seed: SEED, rounds: ROUNDS, ...tally })}`);
  });
});
