/**
 * Random lives of messages: copies, other events about the same, events under a known id, refunds before their orders,
 * calls in between, several processes, and a database that refuses, loses answers or applies late. Whatever happens,
 * the balances are those of an oracle that counts each business id once.
 */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { type CreditManagement, createCreditManagement, isCreditError, type MemorySession } from '../../src/index.js';
import { FaultyDb } from '../backends/faulty-db.js';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';
import { QUIET } from '../support/quiet.js';
import { type Kind, message } from './messages.js';

const USERS = ['m-1', 'm-2', 'm-3'];
const STEPS = 60;
type Manager = CreditManagement<MemorySession>;

interface Told {
  readonly user: string;
  readonly body: { readonly subject: string; readonly body: string };
  /** The effect that counts once by this name; none for a message that must be a dead letter. */
  readonly effect: { readonly name: string; readonly credits: number } | null;
}

/** What was told so far, and what counts. */
class Oracle {
  readonly told: Told[] = [];
  readonly effects = new Map<string, { user: string; credits: number; needs?: string }>();
  direct = new Map<string, number>();

  balance(user: string): number {
    let sum = this.direct.get(user) ?? 0;
    for (const effect of this.effects.values()) {
      if (effect.user === user && (effect.needs === undefined || this.effects.has(effect.needs))) sum += effect.credits;
    }
    return sum;
  }
}

/** A message of any kind, by ids so few that they meet again. */
function invent(chance: Chance, step: number): { told: Told; needs?: string } {
  const user = chance.pick(USERS);
  const [id, eventId] = [chance.below(12), `e-${step}`];
  const tell = (kind: Kind, name: string, credits: number, payload: object, needs?: string) => ({
    told: {
      user,
      body: message(kind, eventId, { merchant_id: user, ...payload }),
      effect: { name: `${user} ${name}`, credits },
    },
    ...(needs && { needs: `${user} ${needs}` }),
  });
  switch (chance.below(6)) {
    case 0:
      return tell('paid', `order ${id}`, 20, { order_id: id, order_total: 2_000 });
    case 1: {
      const part = chance.below(3);
      const refund = { order_id: id, refund_id: `${id}-${part}`, refund_amount: '500.00' };
      return tell('refunded', `refund ${id} ${part}`, -5, refund, `order ${id}`);
    }
    case 2:
      return tell('billed', `billed ${id}`, 3, { payment_id: `p-${id}`, amount: 3 });
    case 3:
      return tell('created', 'created', 0, {});
    case 4: {
      const told = { adjustment_id: `a-${id}`, amount: 2, admin_id: 'ann' };
      return tell('adjusted', `adjusted ${id}`, 2, told);
    }
    default: {
      const body = { subject: 'own', body: JSON.stringify({ id: `${user}-${id}`, user, points: 7 }) };
      return { told: { user, body, effect: { name: `${user} own ${id}`, credits: 7 } } };
    }
  }
}

/** The message again, another event about the same, or another message under the same id. */
function again(chance: Chance, { told }: Oracle, step: number): Told | null {
  if (told.length === 0) return null;
  const one = chance.pick(told);
  const event = JSON.parse(one.body.body) as { event_id?: string; payload?: Record<string, unknown> };
  if (event.payload === undefined || chance.below(2) === 0) return one;
  if (chance.below(2) === 0) {
    const other = { ...event, event_id: `e-${step}-again` };
    return { ...one, body: { ...one.body, body: JSON.stringify(other) } };
  }
  const strange = { ...event, payload: { ...event.payload, merchant_id: 'm-strange' } };
  return { ...one, effect: null, body: { ...one.body, body: JSON.stringify(strange) } };
}

async function live(seed: number): Promise<{ faults: number; dead: number }> {
  const chance = new Chance(seed);
  const db = new FaultyDb();
  const oracle = new Oracle();
  const managers: Manager[] = [];
  const open = () => {
    const manager = createCreditManagement({
      ...{ db, logger: QUIET, timeoutMs: 2_000, defaults: { overdraftLimit: 'unlimited' as const } },
      clock: { now: () => new Date('2026-01-01T00:00:00Z') },
    });
    const schema = z.object({ id: z.string(), user: z.string(), points: z.int() });
    const options = { eventId: ({ id }: { id: string }) => id };
    manager.inbox.on(
      'own',
      schema,
      async ({ payload, session }) => {
        await manager.credits.addCredits(payload.user, payload.points, { session });
      },
      options,
    );
    managers.push(manager);
    return manager;
  };
  for (let i = 0; i < 2; i++) await open().init();
  let [faults, dead] = [0, 0];
  /** Gives a message until it is taken, as a broker does. */
  const give = async ({ body, effect }: Told) => {
    for (let attempt = 0; ; attempt++) {
      const fate = chance.pick(['refused', 'lost', 'late', null, null] as const);
      const at = chance.below(6);
      if (fate !== null && attempt < 3) {
        const landing = chance.pick(['after_account_read', 'before_next_commit', 'after_next_commit'] as const);
        db.arm({ fateOf: (call) => (call === at ? fate : null), landing, plain: chance.below(2) === 0 });
      }
      try {
        const { outcome, reason } = await chance.pick(managers).inbox.receive(body);
        expect([outcome === 'dead_lettered', reason]).toEqual([effect === null, effect === null ? reason : null]);
        if (effect === null) dead++;
        return;
      } catch (error) {
        if (!isCreditError(error) && !/ECONNREFUSED/.test(String(error))) throw error;
      } finally {
        faults += db.injected;
        db.heal();
        await db.land();
      }
    }
  };
  for (let step = 0; step < STEPS; step++) {
    const kind = chance.below(10);
    if (kind < 5) {
      const { told, needs } = invent(chance, step);
      const { effect } = told;
      if (effect && !oracle.effects.has(effect.name)) {
        oracle.effects.set(effect.name, { user: told.user, credits: effect.credits, ...(needs && { needs }) });
      }
      const isAtOnce = chance.below(4) === 0;
      if (isAtOnce) await Promise.all(managers.map(({ inbox }) => inbox.receive(told.body)));
      else await give(told);
      oracle.told.push(told);
    } else if (kind < 8) {
      const told = again(chance, oracle, step);
      if (told) await give(told);
    } else if (kind === 8) {
      const user = chance.pick(USERS);
      await chance.pick(managers).credits.deductCreditsAfterService(user, 4);
      oracle.direct.set(user, (oracle.direct.get(user) ?? 0) - 4);
    } else {
      // A process dies, and another one starts.
      managers.shift();
      open();
    }
  }
  const [manager] = managers as [Manager];
  for (const user of USERS) {
    expect([user, (await manager.credits.getUserCreditsInfo(user)).balance]).toEqual([user, oracle.balance(user)]);
  }
  expect((await manager.credits.getUserCreditsInfo('m-strange')).balance).toBe(0);
  expect((await manager.ledger.verify()).problems).toEqual([]);
  return { faults, dead };
}

test('random messages have each effect once, whatever the database answers', async () => {
  const runs = amount('CREDIT_MESSAGE_RUNS');
  let [faults, dead] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const seed = SEED + run;
    const seen = await live(seed).catch((error: unknown) => {
      throw new Error(`CREDIT_SEED=${seed}: ${String((error as Error).message)}`, { cause: error });
    });
    faults += seen.faults;
    dead += seen.dead;
  }
  expect(faults).toBeGreaterThan(runs);
  expect(dead).toBeGreaterThan(runs / 2);
});
