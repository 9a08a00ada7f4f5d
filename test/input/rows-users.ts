/** B-031 … B-054: user ids. */
import { expect } from 'vitest';
import type { CorpusRow } from './row.js';
import { everyId, everyUser, type Setting } from './setting.js';

const trap = () => {
  throw new Error('the library called into its input');
};

function refused(id: string, input: string, value: unknown): CorpusRow {
  return { id, input, expected: 'INVALID', attempts: [...everyUser(value), ...everyId(value)] };
}

/** The id is an account of its own, its data come back literally, and nobody else's change. */
function accepted(id: string, user: string, instead?: CorpusRow['instead']): CorpusRow {
  const attempts = [
    ({ credits }: Setting) => credits.addCredits(user, 7, { idempotencyKey: user, description: user, reference: user }),
    ({ credits }: Setting) => credits.reserveCredits(user, 2, { planId: user, actor: user, correlationId: user }),
    ({ credits }: Setting) => credits.transferCredits({ from: user, to: 'v', amount: 1 }),
  ];
  const check = async ({ credits }: Setting) => {
    expect(await credits.getUserCreditsInfo(user)).toMatchObject({ userId: user, balance: 6, reserved: 2 });
    const { items } = await credits.getCreditHistory(user, { order: 'oldest' });
    expect(items.map((entry) => entry.userId)).toEqual([user, user]);
    expect(items[0]).toMatchObject({ description: user, idempotencyKey: user });
    expect((await credits.getCreditHistory(user, { actor: user, types: ['reserve'] })).items).toHaveLength(1);
    const again = credits.addCredits(user, 7, { idempotencyKey: user, description: user, reference: user });
    expect((await again).replayed).toBe(true);
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 94, reserved: 20 });
    expect((await credits.listAccounts({ limit: 100 })).items.map((info) => info.userId)).toContain(user);
    expect((await credits.getUserCreditsInfo('somebody else')).balance).toBe(0);
  };
  const expected = instead ? 'INVALID' : 'ok';
  return { id, input: JSON.stringify(user), expected, attempts, check, ...(instead && { instead }) };
}

function pair(id: string, one: string, other: string): CorpusRow {
  return {
    id,
    input: `${JSON.stringify(one)} and ${JSON.stringify(other)}`,
    expected: 'ok',
    attempts: [
      ({ credits }) => credits.addCredits(one, 3, { idempotencyKey: 'k' }),
      ({ credits }) => credits.addCredits(other, 4, { idempotencyKey: 'k' }),
    ],
    check: async ({ credits }) => {
      const infos = await credits.getUsersCreditsInfo([one, other]);
      expect(infos.map((info) => [info.userId, info.balance])).toEqual([
        [one, 3],
        [other, 4],
      ]);
    },
  };
}

const rule47 = 'rule 47: 1 to 255 characters, well-formed, no control characters; nothing else is refused';
const fine = { result: 'resolved', rule: rule47 } as const;

export const userRows: readonly CorpusRow[] = [
  refused('B-031', '""', ''),
  accepted('B-032', '   ', fine),
  refused('B-033', 'null', null),
  refused('B-034', 'undefined', undefined),
  refused('B-035', '123', 123),
  refused('B-036', '{"$gt":""}', { $gt: '' }),
  refused('B-037', '{"$ne":null}', { $ne: null }),
  refused('B-038', '["u"]', ['u']),
  refused('B-039', '"u\\0x"', 'u\u0000x'),
  refused('B-040', 'a forged line', 'u\n{"kind":"GRANT","delta":1}'),
  refused('B-041', 'a forged header', 'u\r\nSet-Cookie: a=b'),
  refused('B-041', 'DEL and C1', 'u\u007f\u0085'),
  refused('B-042', '257 characters', 'x'.repeat(257)),
  refused('B-042', '256 characters', 'x'.repeat(256)),
  accepted('B-042', 'x'.repeat(255)),
  accepted('B-043', '😀'.repeat(65), fine),
  accepted('B-044', '__proto__'),
  accepted('B-045', 'constructor'),
  accepted('B-045', 'toString'),
  accepted('B-045', 'hasOwnProperty'),
  accepted('B-046', '../../etc/passwd'),
  accepted('B-047', "u' OR '1'='1"),
  accepted('B-047', 'u";--'),
  accepted('B-048', 'u\u202ex', fine),
  accepted('B-048', 'u\u200bx', fine),
  refused('B-049', '"u\\ud800"', 'u\ud800'),
  pair('B-050', '\u00e9', 'e\u0301'),
  refused('B-051', 'an object with toString', { toString: trap, valueOf: trap, toJSON: trap }),
  refused('B-052', 'new String("u")', Object('u')),
  refused('B-052', 'a symbol', Symbol('u')),
  accepted('B-053', '$where'),
  accepted('B-053', 'u.1'),
  accepted('B-053', 'a/b'),
  accepted('B-053', '%2e%2e'),
  pair('B-053', 'w/1', 'w'),
  pair('B-054', 'U1', 'u1'),
];
