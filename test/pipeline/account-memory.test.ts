/** What a process remembers of accounts is bounded, whatever the accounts hold. */
import { expect, test } from 'vitest';
import { type Account, emptyAccount } from '../../src/core/account.js';
import type { OpenGrant } from '../../src/models/account.js';
import { AccountMemory } from '../../src/services/pipeline/account-memory.js';

const grants = (count: number) => Array.from({ length: count }, () => ({}) as OpenGrant);

function holding(user: number, parts: Partial<Account>): Account {
  return { ...emptyAccount('credits', `u${user}`), ...parts };
}

/** How many of the last accounts are remembered, of a hundred that are alike. */
function remembered(memory: AccountMemory, parts: Partial<Account>): number {
  for (let user = 0; user < 100; user++) {
    const account = holding(user, parts);
    memory.set(account.key, { account, version: 1 });
  }
  const keys = Array.from({ length: 100 }, (_, user) => `credits/u${user}`).filter((key) => memory.get(key));
  expect(keys.at(-1)).toBe('credits/u99');
  return keys.length;
}

test('accounts are remembered up to a number, and fewer of them where they hold much', () => {
  // A sixteenth leaves at once.
  for (const parts of [{}, { grants: grants(3) }]) {
    expect(remembered(new AccountMemory(50), parts)).toBe(48);
    expect(remembered(new AccountMemory(15), parts)).toBe(15);
  }
  // 8 KiB each on average: what is in the memory is at most 400 KiB.
  expect(remembered(new AccountMemory(50), { grants: grants(100) })).toBeLessThan(15);
  const draws = grants(300).map(() => ({ grantId: '', amount: 1 }));
  const hold = { id: '', amount: 1, committed: 0, draws, expiresAt: 0, createdAt: 0, planId: null };
  expect(remembered(new AccountMemory(50), { holds: [hold] })).toBeLessThan(6);
  const options = { overdraftLimit: null, lowCreditThreshold: null, metadata: { text: 'x'.repeat(16_000) } };
  expect(remembered(new AccountMemory(50), { options })).toBeLessThan(15);
});

test('the last account is remembered however large it is, and room is given back', () => {
  const memory = new AccountMemory(4);
  for (let round = 0; round < 1_000; round++) {
    expect(remembered(memory, { grants: grants(1_000) })).toBe(1);
    for (let user = 0; user < 100; user++) memory.drop(`credits/u${user}`);
    if (round % 250 === 0) expect(remembered(memory, {})).toBe(4);
  }
});
