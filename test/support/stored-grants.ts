/** The open grants of a stored account, read by the form that the model states, without the library's own reader. */
import type { Row } from '../../src/index.js';

const FACTS = [
  ...['id', 'source', 'amount', 'priority', 'effectiveAt', 'expiresAt', 'seq', 'place', 'createdAt', 'planId'],
  ...['reference', 'paymentId'],
];
const NUMBERS = ['remaining', 'held', 'expired', 'revoked', 'rowVersion'];

export function openGrantsOf(account: Row | null | undefined): readonly Row[] {
  const { grants = [] } = (account?.state ?? {}) as { grants?: readonly (string | readonly unknown[] | Row)[] };
  return grants.map((grant) => {
    if (typeof grant === 'object' && !Array.isArray(grant)) return grant as Row;
    const [text, ...numbers] = typeof grant === 'string' ? [grant] : (grant as [string, ...number[]]);
    const facts = JSON.parse(text) as unknown[];
    // A grant without a payment does not have the field.
    const present = facts
      .map((fact, i) => [FACTS[i], fact])
      .filter(([name, fact]) => name !== 'paymentId' || fact !== null);
    const named = Object.fromEntries(present) as Row;
    const touched = numbers.length > 0 ? numbers : [named.amount, 0, 0, 0, 1];
    return { ...named, ...Object.fromEntries(touched.map((number, i) => [NUMBERS[i], number])) };
  });
}
