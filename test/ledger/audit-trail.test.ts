/** The audit trail of an account: entries in order, who asked for them, by which message, and what is wrong. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { AuditedEntry } from '../../src/index.js';
import { message, SUBJECTS } from '../inbox/messages.js';
import { describeBackends, type Manager } from '../support/plan-world.js';

/** All entries, page by page; every page is checked against the one before it. */
async function trailOf({ ledger }: Manager, limit: number, rest: object = {}): Promise<AuditedEntry[]> {
  const all: AuditedEntry[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await ledger.auditTrail('shop', { ...rest, limit, cursor });
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return all;
}

await describeBackends('the audit trail', (openWorld) => {
  test('leads from each entry to its message, its request, its actor and its reason, and back', async () => {
    const world = await openWorld({});
    const { inbox, credits } = world.manager;
    inbox.on('quiz.finished', z.object({ merchant_id: z.string() }), async ({ payload, options }) => {
      await credits.addCredits(payload.merchant_id, 1, options);
      await credits.addCredits(payload.merchant_id, 2, options);
    });
    const steps = [
      () => inbox.receive({ ...message('paid', 'e-1'), stream: 'IN', sequence: 4 }),
      () => credits.adjustCredits('shop', 3, { actor: 'ann', reason: 'for the wait', correlationId: 'request-1' }),
      () => credits.deductCredits('shop', 500).catch(() => {}),
      () => inbox.receive(message('refunded', 'e-2')),
      () => inbox.receive({ ...message('created', 'e-3'), subject: 'quiz.finished' }),
      () => inbox.receive(message('adjusted', 'e-4')),
    ];
    for (const step of steps) {
      await step();
      world.clock.advance({ hours: 1 });
    }
    const all = await trailOf(world.manager, 100);
    const told = all.map(({ type, actor, reason, correlationId, messages, problems }) => [
      ...[type, actor, reason, correlationId, messages.map(({ subject, eventId }) => `${subject} ${eventId}`).join()],
      problems.length,
    ]);
    expect(told).toEqual([
      ['add', null, null, 'c-e-1', `${SUBJECTS.paid} e-1`, 0],
      ['add', 'ann', 'for the wait', 'request-1', '', 0],
      ['error', null, null, null, '', 0],
      ['claw_back', null, 'broken', 'c-e-2', `${SUBJECTS.refunded} e-2`, 0],
      ['add', null, null, 'c-e-3', 'quiz.finished e-3', 0],
      ['add', null, null, 'c-e-3', 'quiz.finished e-3', 0],
      ['add', 'ann', 'for the wait', 'c-e-4', `${SUBJECTS.adjusted} e-4`, 0],
    ]);
    expect(all[0]?.messages).toMatchObject([{ stream: 'IN', sequence: 4, userId: 'shop' }]);
    for (const limit of [1, 2, 3]) expect(await trailOf(world.manager, limit)).toEqual(all);
    const later = await trailOf(world.manager, 2, { from: '2026-01-01T02:00:00Z', to: '2026-01-01T04:00:00Z' });
    expect(later.map(({ id }) => id)).toEqual(all.slice(2, 6).map(({ id }) => id));
    expect(later.flatMap(({ problems }) => problems)).toEqual([]);
    const receipt = await inbox.getReceipt(SUBJECTS.adjusted, 'e-4');
    const { items } = await world.manager.ledger.list({ operationId: receipt?.operationId as string });
    expect(items.map(({ id }) => id)).toEqual([all.at(-1)?.id]);
    expect((await world.manager.ledger.auditTrail('nobody')).items).toEqual([]);
  });

  test.each<[string, object, string]>([
    ['an amount that was changed', { amount: 1 }, 'The hash does not match the entry.'],
    ['a balance that was changed', { balanceAfter: 1 }, 'balanceAfter is not the previous balanceAfter plus delta.'],
    ['a link that was changed', { prev: 'x' }, 'prev is not the previous hash.'],
    ['an entry that was deleted', {}, 'The entry before it in the chain is missing.'],
  ])('names %s', async (_, change, problem) => {
    const world = await openWorld({});
    for (let i = 0; i < 4; i++) {
      await world.manager.credits.addCredits('shop', 5);
      world.clock.advance({ hours: 1 });
    }
    const { items } = await world.manager.ledger.auditTrail('shop');
    const id = items[1]?.id as string;
    const [row] = await world.host.getMany('entry', [id]);
    const isDeleted = Object.keys(change).length === 0;
    await world.host.commit([[{ op: 'delete', model: 'entry', key: id, expectedVersion: 1 }]]);
    if (!isDeleted) await world.host.commit([[{ op: 'insert', model: 'entry', row: { ...row, ...change } as never }]]);
    for (const limit of [1, 2, 100]) {
      const found = (await trailOf(world.manager, limit)).flatMap(({ problems, id: at }) =>
        problems.map((one) => [at, one]),
      );
      expect(found).toContainEqual([isDeleted ? items[2]?.id : id, problem]);
    }
  });
});
