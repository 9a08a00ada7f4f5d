/** An older version of the library beside a newer one: what it does not know of an account is kept. */
import { expect, test } from 'vitest';
import type { Row } from '../../src/index.js';
import { describeBackends } from '../support/plan-world.js';
import { openGrantsOf } from '../support/stored-grants.js';

await describeBackends('of a newer version', (open) => {
  test('parts of the state of an account, of its grants, holds and options are written back', async () => {
    const world = await open();
    const { credits, jobs } = world.manager;
    const { grantId } = await credits.addCredits('u', 10, { expiresAt: '2026-01-03T00:00:00Z' });
    await credits.reserveCredits('u', 2, { ttlSeconds: 3 * 24 * 3600 });
    const read = async () => ((await world.host.getMany('account', ['credits/u'])) as [Row])[0];
    const row = await read();
    const { state, numbers } = row as unknown as { state: { options: object }; numbers: { holds: object[] } };
    const newer = {
      ...state,
      ...{ tariff: { name: 'new' }, colours: ['red'] },
      facts: openGrantsOf(row).map((grant) => ({ ...grant, region: 'eu' })),
      options: { ...state.options, language: 'en' },
    };
    const holds = numbers.holds.map((hold) => ({ ...hold, session: 's' }));
    const after = { ...row, state: newer, numbers: { ...numbers, holds }, version: row.version + 1 } as Row;
    const unit = [{ op: 'replace', model: 'account', row: after, expectedVersion: row.version } as const];
    expect(await world.host.commit([unit])).toMatchObject([{ status: 'committed' }]);

    const other = world.open().credits;
    await other.deductCredits('u', 1);
    await other.deductCredits('u', 100).catch(() => {});
    await other.updateGrant(grantId as string, { priority: 7 });
    await other.deductCredits('u', 1);
    await other.updateAccount('u', { lowCreditThreshold: 1 });
    world.clock.advance({ days: 2 });
    await jobs.runExpiration();
    expect(await read()).toMatchObject({
      state: {
        ...{ tariff: { name: 'new' }, colours: ['red'] },
        facts: [{ region: 'eu' }],
        options: { language: 'en' },
      },
      numbers: { refusals: 1, holds: [{ session: 's' }] },
    });
  });
});
