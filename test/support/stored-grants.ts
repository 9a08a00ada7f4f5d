/** The open grants of a stored account, read by the form that the model states, without the library's own reader. */
import type { Row } from '../../src/index.js';

const FACTS = [
  ...['id', 'source', 'amount', 'priority', 'effectiveAt', 'expiresAt', 'seq', 'place', 'createdAt', 'planId'],
  ...['reference', 'paymentId'],
];
const NUMBERS = ['remaining', 'held', 'expired', 'revoked', 'rowVersion'];

interface Parts {
  readonly facts?: readonly (string | Row)[];
  readonly grants?: readonly (string | readonly unknown[] | Row | null)[];
}

export function openGrantsOf(account: Row | null | undefined): readonly Row[] {
  const { facts, grants = [] } = (account?.state ?? {}) as Parts;
  const touched = ((account?.numbers ?? {}) as Parts).grants ?? [];
  const stored = facts?.map((grant, i) => (touched[i] ? [grant, ...(touched[i] as readonly unknown[])] : grant));
  return (stored ?? grants).map((grant) => {
    if (typeof grant === 'object' && !Array.isArray(grant)) return grant as Row;
    const [text, ...numbers] = typeof grant === 'string' ? [grant] : (grant as [string, ...number[]]);
    const named = namedFacts(JSON.parse(text) as unknown[]);
    const values = numbers.length > 0 ? numbers : [named.amount, 0, 0, 0, 1];
    return { ...named, ...Object.fromEntries(values.map((number, i) => [NUMBERS[i], number])) };
  });
}

function namedFacts(facts: readonly unknown[]): Row {
  // A grant without a payment does not have the field.
  const present = facts
    .map((fact, i) => [FACTS[i], fact])
    .filter(([name, fact]) => name !== 'paymentId' || fact !== null);
  return Object.fromEntries(present) as Row;
}

/** The row as versions wrote it that kept everything in its state, with these grants; by default as objects. */
export function earlierRow(account: Row, grants: readonly unknown[] = openGrantsOf(account)): Row {
  const { facts: _, ...state } = account.state as Record<string, unknown>;
  const { grants: __, ...numbers } = (account.numbers ?? {}) as Record<string, unknown>;
  return { ...account, state: { ...state, ...numbers, grants }, numbers: null } as unknown as Row;
}
