/** The form in which accounts store their open grants. */
import { expect, test } from 'vitest';
import { grantFromEarlier, grantFromStored, grantNumbers, grantToStored } from '../../src/core/open-grant.js';
import type { Row } from '../../src/index.js';
import type { OpenGrant } from '../../src/models/account.js';
import { describeBackends, memoryWorld } from '../support/plan-world.js';
import { earlierRow, openGrantsOf } from '../support/stored-grants.js';

await describeBackends('an open grant', (open) => {
  test('is stored by its facts, with its numbers once something was taken, and by the terms that it has', async () => {
    const world = await open();
    const { credits } = world.manager;
    const read = async () => ((await world.host.getMany('account', ['credits/u'])) as [Row])[0];
    const stored = async () => {
      const { state, numbers } = (await read()) as unknown as {
        state: { facts: unknown[] };
        numbers: { grants: unknown[] };
      };
      return [state.facts, numbers.grants];
    };
    const { grantId } = await credits.addCredits('u', 10, { expiresAt: '2026-02-03T00:00:00Z' });
    expect(await stored()).toEqual([[expect.stringMatching(/^\["g-/)], [null]]);
    const { id } = await credits.deductCredits('u', 4);
    expect(await stored()).toEqual([[expect.stringMatching(/^\["g-/)], [[6_000_000, 0, 0, 0, 1]]]);
    await credits.updateGrant(grantId as string, { priority: 7, expiresAt: '2026-02-04T00:00:00Z' });
    const changed = { id: grantId, priority: 7, expiresAt: Date.parse('2026-02-04T00:00:00Z'), remaining: 6_000_000 };
    expect(openGrantsOf(await read())).toMatchObject([changed]);
    await credits.reverseTransaction(id);
    expect(openGrantsOf(await read())).toMatchObject([{ ...changed, remaining: 10_000_000, rowVersion: 2 }]);
    // Another process reads it as this one does.
    expect(await world.open().credits.getGrants('u')).toMatchObject({
      items: [{ id: grantId, priority: 7, remaining: 10 }],
    });
    expect((await world.manager.ledger.verify()).problems).toEqual([]);
  });
});

test('an audit takes a grant as an object of an earlier version, and finds one without a field', async () => {
  const { host, manager } = memoryWorld();
  await manager.credits.addCredits('u', 10, { priority: 7 });
  await manager.credits.deductCredits('u', 1);
  const rewritten = async (change: (grant: Row) => unknown) => {
    const [row] = (await host.getMany('account', ['credits/u'])) as [Row];
    const next = { ...earlierRow(row, openGrantsOf(row).map(change)), version: Number(row.version) + 1 } as Row;
    await host.commit([[{ op: 'replace', model: 'account', row: next, expectedVersion: Number(row.version) }]]);
    return (await manager.ledger.verify()).problems;
  };
  expect(await rewritten((grant) => grant)).toEqual([]);
  for (const field of ['expiresAt', 'planId', 'reference', 'held', 'priority', 'seq']) {
    let without: Row | undefined;
    const found = await rewritten((grant) => {
      without = grant;
      return Object.fromEntries(Object.entries(grant).filter(([name]) => name !== field));
    });
    expect([field, found]).toMatchObject([field, [{ kind: expect.any(String) }]]);
    expect(await rewritten(() => without)).toEqual([]);
  }
  expect(await rewritten((grant) => JSON.stringify(Object.values(grant)))).toHaveLength(1);
});

test('the forms of earlier versions are read, and stored by their facts', () => {
  const numbers = { amount: 5, remaining: 5, held: 0, expired: 0, revoked: 0, priority: 1, seq: 2, place: 3 };
  const times = { effectiveAt: 4, expiresAt: null, createdAt: 6 };
  const terms = { source: 'promo', planId: null, reference: 'r', rowVersion: 1 };
  const grant = { id: 'g', ...numbers, ...times, ...terms } as OpenGrant;
  const stored = '["g","promo",5,1,4,null,2,3,6,null,"r",null]';
  expect([grantFromEarlier(grant), grantFromEarlier(stored)]).toEqual([grant, grant]);
  expect(grantFromEarlier([stored, 4, 0, 0, 0, 2])).toEqual({ ...grant, remaining: 4, rowVersion: 2 });
  expect(grantToStored(grantFromEarlier(grant))).toBe(stored);
  const paid = { ...grant, paymentId: 'p' };
  expect(grantToStored(paid)).toBe('["g","promo",5,1,4,null,2,3,6,null,"r","p"]');
  expect(grantFromStored(grantToStored(paid), grantNumbers(paid))).toEqual(paid);
});
