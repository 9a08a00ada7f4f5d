/** A server that is killed in the middle of requests: no charge twice, none that was told is lost, no hold for ever. */
import { expect, test } from 'vitest';
import { ADAPTER, describeDatabase } from '../../backends/by-adapter.js';
import { openManager, type WorkerConfig } from '../../backends/open-adapter.js';
import { amount } from '../../support/amounts.js';
import { Chance, SEED } from '../../support/chance.js';
import { PATIENT_MS } from '../../support/pace.js';
import { forkScript } from '../../support/script.js';
import { eventually } from '../../support/wait.js';

const SCRIPT = new URL('./kill-child.ts', import.meta.url);
const USERS = ['u1', 'u2', 'u3'];
const GRANTED = 100_000;
const AT_ONCE = 12;

await describeDatabase(`servers with the middleware that are killed, on ${ADAPTER}`, (database) => {
  test('charge what they told once, and leave nothing on hold', async () => {
    const config: WorkerConfig = { adapter: ADAPTER, url: database.url, poolSize: 4, timeoutMs: PATIENT_MS };
    const manager = openManager(config);
    await manager.init();
    const chance = new Chance(SEED);
    for (const user of USERS) await manager.credits.addCredits(user, GRANTED);
    const told = new Map<string, number>();
    const sent = new Map<string, { readonly user: string; readonly cost: number }>();
    let id = 0;
    const rounds = amount('CREDIT_KILLS');
    for (let round = 0; round < rounds; round++) {
      const child = forkScript(SCRIPT, [JSON.stringify(config)]);
      const ended = new Promise((resolve) => child.once('close', resolve));
      const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))));
      const answersUntilKill = 20 + chance.below(60);
      let answers = 0;
      let isKilled = false;
      const client = async () => {
        while (!isKilled) {
          const request = `kill-${id++}`;
          const [user, cost] = [chance.pick(USERS), (100 + chance.below(900)) / 100];
          sent.set(request, { user, cost });
          const headers = { 'x-user-id': user, 'x-request-id': request };
          const answer = await fetch(`http://127.0.0.1:${port}/${cost}`, { headers }).catch(() => null);
          const charged = answer?.headers.get('x-credits-deducted');
          if (answer?.status === 200 && charged) told.set(request, Number(charged));
          if (++answers !== answersUntilKill) continue;
          isKilled = true;
          child.kill('SIGKILL');
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      await ended;
    }
    expect(told.size).toBeGreaterThan(rounds * 10);

    const charges = new Map<string, number[]>();
    for (const user of USERS) {
      await eventually(async () => {
        expect((await manager.credits.getUserCreditsInfo(user, { fresh: true })).reserved).toBe(0);
      });
      let cursor: string | null = null;
      let sum = 0;
      do {
        const page = await manager.credits.getCreditHistory(user, { limit: 100, ...(cursor && { cursor }) });
        for (const { type, correlationId, amount: charged } of page.items) {
          if (type === 'add') continue;
          expect(type).toBe('commit_reserved');
          charges.set(String(correlationId), [...(charges.get(String(correlationId)) ?? []), charged]);
          sum += Math.round(charged * 100);
        }
        cursor = page.nextCursor;
      } while (cursor);
      const { balance } = await manager.credits.getUserCreditsInfo(user);
      expect(Math.round(balance * 100)).toBe(GRANTED * 100 - sum);
    }
    for (const [request, amounts] of charges) expect([request, amounts]).toEqual([request, [sent.get(request)?.cost]]);
    for (const [request, charged] of told) expect([request, charges.get(request)]).toEqual([request, [charged]]);
    expect((await manager.ledger.verify()).ok).toBe(true);
    console.log(`kills: seed ${SEED}, ${rounds} kills, ${sent.size} sent, ${told.size} told, ${charges.size} charged`);
    await manager.close();
  });
});
