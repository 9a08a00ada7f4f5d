/** Transfers that are refused: they concern the sender alone. */
import { expect, test } from 'vitest';
import type { Row } from '../../src/index.js';
import { describeBackends } from '../support/plan-world.js';

await describeBackends('a refused transfer', (open) => {
  test('leaves the row of the receiver as it is, whoever keeps trying', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.addCredits('to', 1);
    const rowOf = async () => ((await world.host.getMany('account', ['credits/to'])) as [Row])[0];
    const before = await rowOf();
    const tries = Array.from({ length: 10 }, (_, i) =>
      credits.transferCredits({ from: `from${i % 2}`, to: 'to', amount: 5 }).catch(({ code }) => code),
    );
    expect(await Promise.all(tries)).toEqual(Array(10).fill('INSUFFICIENT_CREDITS'));
    expect(await rowOf()).toEqual(before);
    await credits.addCredits('from0', 7);
    await credits.transferCredits({ from: 'from0', to: 'to', amount: 5 });
    expect(await world.balance('to')).toBe(6);
    await world.expectSound();
  });

  test('is not refused by a receiver as it was before another process wrote it', async () => {
    const world = await open({ limits: { openGrants: 2 } });
    const [one, other] = [world.manager.credits, world.open().credits];
    await one.addCredits('from', 10);
    const [grant] = [await one.addCredits('to', 1), await one.addCredits('to', 1)];
    const full = one.transferCredits({ from: 'from', to: 'to', amount: 5 });
    await expect(full).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await other.reverseTransaction(grant.id);
    await one.transferCredits({ from: 'from', to: 'to', amount: 5 });
    expect(await world.balance('to')).toBe(6);
    await world.expectSound();
  });
});
