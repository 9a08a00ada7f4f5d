/** A cache that lies: no decision ever believes it, and a read tells a lie from an entry. */
import { describe, expect, test } from 'vitest';
import type { CreditService, MemorySession } from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { sleep } from '../support/wait.js';
import { bench, numbersOf, quietly } from './bench.js';

type Credits = CreditService<MemorySession>;

/** A user with 100 of which 30 are held, and the entry that a cache has of it. */
async function entryOf(user = 'u') {
  const made = bench();
  await made.credits.addCredits(user, 100);
  await made.credits.reserveCredits(user, 30);
  const kept = made.cache.sets.at(-1);
  if (!kept) throw new Error('nothing was set');
  return { ...made, text: kept.value, key: kept.key };
}

const TRUTH = [100, 30, 70];

/** Reads by a process that knows nothing yet, with a cache that answers `lie`. */
async function seesThrough({ cache, open }: Awaited<ReturnType<typeof entryOf>>, lie: unknown): Promise<void> {
  let asked = 0;
  cache.onGet = async () => {
    asked++;
    return lie as string;
  };
  expect(await numbersOf(open().credits), `lie: ${String(lie).slice(0, 100)}`).toEqual(TRUTH);
  expect(asked).toBe(1);
}

describe('what a cache may answer instead of an entry', () => {
  const values: readonly unknown[] = [
    '',
    ' ',
    'null',
    'true',
    '0',
    '1e400',
    '{}',
    '[]',
    '[[]]',
    '{"balance":1000000,"reserved":0,"available":1000000}',
    '[1,2,3,4,5,6,7]',
    '[9,0,1000000,0,0,null,""]',
    '[9,0,1000000,0,0,null,"00000000000000000000000000000000"]',
    '{"length":7,"6":"x"}',
    '{"__proto__":{"length":7}}',
    'not JSON',
    '😀',
    '\u0000',
    '['.repeat(200_000),
    `[${'1,'.repeat(500_000)}1]`,
    'x'.repeat(5_000_000),
    undefined,
    0,
    Number.NaN,
    7n,
    true,
    {},
    [],
    [9, 0, 1_000_000, 0, 0, null, 'x'],
    Buffer.from('[1]'),
    Symbol('lie'),
    () => '[1]',
    {
      toString() {
        throw new Error('no text');
      },
    },
  ];

  test.each(values.map((value, i) => [i, value] as const))('garbage %#', async (_, value) => {
    const { cache, open } = await entryOf();
    let asked = 0;
    cache.onGet = async () => {
      asked++;
      return value as string;
    };
    expect(await numbersOf(open().credits)).toEqual(TRUTH);
    expect((await open().credits.getUsersCreditsInfo(['u']))[0]).toMatchObject({ balance: 100 });
    expect(await open().credits.canAfford('u', 71)).toBe(false);
    expect(await open().credits.canAfford('u', 70)).toBe(true);
    expect(asked).toBe(4);
    const { credits } = open();
    expect(await codeOf(credits.deductCredits('u', 71))).toBe('INSUFFICIENT_CREDITS');
    expect((await credits.deductCredits('u', 70)).balanceAfter).toBe(30);
    expect(await numbersOf(credits)).toEqual([30, 30, 0]);
  });

  test('an entry cut off anywhere', async () => {
    const made = await entryOf();
    for (let length = 0; length < made.text.length; length++) await seesThrough(made, made.text.slice(0, length));
    for (let from = 1; from < made.text.length; from++) await seesThrough(made, made.text.slice(from));
  });

  test('an entry with any one character changed', async () => {
    const made = await entryOf();
    for (let i = 0; i < made.text.length; i++) {
      for (const other of '09-"]') {
        if (made.text[i] === other) continue;
        await seesThrough(made, `${made.text.slice(0, i)}${other}${made.text.slice(i + 1)}`);
      }
    }
  });

  test('an entry with a character more anywhere, or twice', async () => {
    const made = await entryOf();
    for (let i = 0; i < made.text.length; i++) {
      for (const more of '0-"') {
        const lie = `${made.text.slice(0, i)}${more}${made.text.slice(i)}`;
        await seesThrough(made, lie);
      }
    }
    await seesThrough(made, made.text + made.text);
    await seesThrough(made, `[${made.text}]`);
  });

  test('an entry with any two numbers exchanged', async () => {
    const made = await entryOf();
    const fields = JSON.parse(made.text) as unknown[];
    for (let i = 0; i < fields.length; i++) {
      for (let j = 0; j < i; j++) {
        if (fields[i] === fields[j]) continue;
        const swapped = fields.with(i, fields[j]).with(j, fields[i]);
        await seesThrough(made, JSON.stringify(swapped));
      }
    }
  });

  test('of many lies one warning is told, not a flood', async () => {
    const { cache, credits, warnings } = await entryOf();
    cache.onGet = async () => 'garbage';
    const before = performance.now();
    for (let i = 0; i < 200; i++) await numbersOf(credits, `user ${i % 10}`);
    const seconds = Math.ceil((performance.now() - before) / 1_000);
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings.length).toBeLessThanOrEqual(2 * seconds);
  });
});

describe.each<[string, () => Promise<void>]>([
  ['rejects', () => Promise.reject(new Error('no'))],
  [
    'throws',
    () => {
      throw new Error('no');
    },
  ],
  ['hangs', () => new Promise(() => {})],
  ['answers nothing', () => undefined as unknown as Promise<void>],
])('a cache with a broken entry whose delete %s', (_, remove) => {
  test('reads the truth', async () => {
    const { cache, credits } = await entryOf();
    cache.onGet = async () => 'garbage';
    cache.onDelete = remove;
    for (let i = 0; i < 3; i++) expect(await numbersOf(credits)).toEqual(TRUTH);
  });
});

describe('a genuine entry of something else', () => {
  /** The truth is read, and decided by, with a cache that answers the entry whose key ends so. */
  async function mixing(other: (credits: Credits, image: Credits) => Promise<unknown>, pick: RegExp) {
    const { cache, open, credits, manager } = bench();
    await credits.addCredits('u', 100);
    await other(credits, manager.creditType('image'));
    const foreign = cache.sets.findLast((kept) => pick.test(kept.key));
    expect(foreign?.value).toBeTypeOf('string');
    cache.onGet = async () => foreign?.value ?? null;
    expect(await numbersOf(open().credits)).toEqual([100, 0, 100]);
    expect(await open().credits.canAfford('u', 101)).toBe(false);
    expect(await codeOf(credits.reserveCredits('u', 101))).toBe('INSUFFICIENT_CREDITS');
    expect((await credits.reserveCredits('u', 100)).amount).toBe(100);
    expect(await numbersOf(credits)).toEqual([100, 100, 0]);
  }

  test('of another user', () => mixing((credits) => credits.addCredits('v', 5_000), /\/v$/));

  test('of another user, whose name begins alike', () =>
    mixing((credits) => credits.addCredits('u/', 5_000), /\/u\/$/));

  test('of another credit type', () => mixing((_, image) => image.addCredits('u', 5_000), /image\/u$/));

  test('of another ledger: a cache that takes two databases for one', async () => {
    const [first, second] = [bench(), bench()];
    await first.credits.addCredits('u', 100);
    await second.credits.addCredits('u', 5_000);
    for (let i = 0; i < 3; i++) await second.credits.addCredits('u', 1);
    const foreign = second.cache.sets.at(-1)?.value ?? null;
    first.cache.onGet = async () => foreign;
    expect(await numbersOf(first.credits)).toEqual([100, 0, 100]);
    expect(await codeOf(first.credits.deductCredits('u', 101))).toBe('INSUFFICIENT_CREDITS');
    expect(await numbersOf(first.credits)).toEqual([100, 0, 100]);
  });

  test('two databases that share one honest cache do not meet in it', async () => {
    const first = bench();
    const second = bench({ cache: first.cache });
    await first.credits.addCredits('u', 100);
    await second.credits.addCredits('u', 5);
    await second.credits.addCredits('u', 5);
    expect(await quietly(first.db, () => numbersOf(first.credits))).toEqual([100, 0, 100]);
    expect(await quietly(second.db, () => numbersOf(second.credits))).toEqual([10, 0, 10]);
    expect(await numbersOf(first.open().credits)).toEqual([100, 0, 100]);
  });
});

describe.concurrent('an old genuine entry of this very account', () => {
  test('is never older than what this process wrote', async () => {
    const { cache, credits } = bench();
    await credits.addCredits('u', 100);
    for (let i = 1; i <= 5; i++) {
      await credits.deductCredits('u', 10);
      for (const old of cache.sets.slice(0, -1)) {
        cache.onGet = async () => old.value;
        expect(await numbersOf(credits)).toEqual([100 - 10 * i, 0, 100 - 10 * i]);
        expect(await credits.canAfford('u', 100 - 10 * i + 1)).toBe(false);
        cache.work();
      }
    }
  });

  test('decides nothing, in whatever process', async () => {
    const { cache, credits, open } = bench();
    await credits.addCredits('u', 100);
    const [old] = cache.sets;
    await credits.deductCredits('u', 90);
    cache.onGet = async () => old?.value ?? null;
    const other = open().credits;
    expect((await numbersOf(other))[0]).toBeOneOf([100, 10]);
    expect(await codeOf(other.deductCredits('u', 11))).toBe('INSUFFICIENT_CREDITS');
    expect(await codeOf(other.reserveCredits('u', 11))).toBe('INSUFFICIENT_CREDITS');
    expect(await other.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: 10 });
    // It has written to the account itself by now, if only refusals.
    expect(await numbersOf(other)).toEqual([10, 0, 10]);
  });

  test('is used by another process for one TTL at most, by a cache that ignores times', async () => {
    const { cache, credits, open } = bench({ ttlSeconds: 1, clock: undefined });
    const other = open().credits;
    await credits.addCredits('u', 100);
    const [old] = cache.sets;
    cache.onGet = async () => old?.value ?? null;
    expect(await numbersOf(other)).toEqual([100, 0, 100]);
    await credits.deductCredits('u', 40);
    await sleep(1_200);
    for (let i = 0; i < 3; i++) expect(await numbersOf(other)).toEqual([60, 0, 60]);
  });
});
