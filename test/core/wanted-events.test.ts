/** Events that nobody hears of are not made; the others are the same as if all were made. */
import { expect, test } from 'vitest';
import { Ledger } from './ledger.js';

function eventsOf(wantsEvent: Ledger['wantsEvent']) {
  const ledger = new Ledger();
  ledger.wantsEvent = wantsEvent;
  ledger.defaults = { ...ledger.defaults, lowCreditThreshold: 5 };
  ledger.add(10, { expiresAt: 50 });
  ledger.commit(ledger.hold(2), { amount: 8, overage: 'charge' });
  ledger.now = 60;
  ledger.add(3);
  return ledger.events;
}

test('an event is the same whether those around it are made or not', () => {
  const all = eventsOf(() => true);
  expect(new Set(all.map(({ type }) => type)).size).toBeGreaterThan(4);
  for (const wanted of new Set(all.map(({ type }) => type))) {
    expect(eventsOf((type) => type === wanted)).toEqual(all.filter(({ type }) => type === wanted));
  }
  expect(eventsOf(() => false)).toEqual([]);
});
