import { describe, expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import { isCreditError } from '../../src/index.js';
import { checkedManager } from '../support/checked-manager.js';
import { codeOf } from '../support/codes.js';

function fresh() {
  const { credits, advance, clock } = checkedManager(createTestCredits());
  const info = async () => {
    const { balance, reserved } = await credits.getUserCreditsInfo('u');
    return [balance, reserved];
  };
  return { credits, info, advance, clock };
}
const options = { userId: 'u', estimate: 10 };

async function* chunks(...parts: string[]): AsyncGenerator<string> {
  yield* parts;
}

describe('withCredits', () => {
  test('charges what was metered, rounded up once, and frees the rest', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const result = await credits.withCredits(options, async (meter) => {
      expect(await info()).toEqual([100, 10]);
      meter.add(0.1 + 0.2);
      meter.addUsage({ model: 'm', provider: 'p', cost: 0.0000001 });
      expect(meter.total).toBe(0.300001);
      return 'done';
    });
    expect(result).toBe('done');
    expect(await info()).toEqual([99.699999, 0]);
    const [charge] = (await credits.getCreditHistory('u', { types: ['commit_reserved'] })).items;
    expect(charge?.metadata).toEqual({ llm_usage: [{ cost: 0.0000001, model: 'm', provider: 'p' }] });
  });

  test('more than the estimate becomes debt by default: the work was done', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 10);
    await credits.withCredits(options, async (meter) => meter.add(25));
    expect(await info()).toEqual([-15, 0]);
  });

  test.each([
    ['metered', 97],
    ['none', 100],
    ['estimate', 90],
  ] as const)('when the work throws, %s is charged and the error passes through', async (chargeOnError, left) => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const work = credits.withCredits({ ...options, chargeOnError }, async (meter) => {
      meter.add(3);
      throw new Error('model failed');
    });
    await expect(work).rejects.toThrow('model failed');
    expect(await info()).toEqual([left, 0]);
  });

  test.each([
    [0.8, 0.1],
    ['0.8', 0.0999995],
    [1.1, 0.2],
  ])('of the estimate %s with %d metered, the estimate is charged, to the last unit', async (estimate, metered) => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const how = { ...options, estimate, chargeOnError: 'estimate', overage: 'reject' } as const;
    const work = credits.withCredits(how, async (meter) => {
      meter.add(metered);
      throw new Error('model failed');
    });
    await expect(work).rejects.toThrow('model failed');
    expect(await info()).toEqual([Number((100 - Number(estimate)).toFixed(6)), 0]);
  });

  test('nothing runs when the estimate cannot be held, and nothing metered charges nothing', async () => {
    const { credits, info } = fresh();
    let ran = false;
    const work = credits.withCredits(options, async () => {
      ran = true;
    });
    await expect(work).rejects.toSatisfy((error) => isCreditError(error, 'INSUFFICIENT_CREDITS'));
    expect(ran).toBe(false);
    await credits.addCredits('u', 10);
    await credits.withCredits(options, async () => {});
    expect(await info()).toEqual([10, 0]);
  });

  test('a result that streams is refused, and the hold is freed', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const work = credits.withCredits(options, async () => chunks('a'));
    await expect(work).rejects.toSatisfy((error) => isCreditError(error, 'CONFIGURATION'));
    expect(await info()).toEqual([100, 0]);
  });

  test('work that outlives its hold is charged all the same', async () => {
    const { credits, info, clock } = fresh();
    await credits.addCredits('u', 100);
    await credits.withCredits({ ...options, ttlSeconds: 1 }, async (meter) => {
      clock.advance({ seconds: 5 });
      meter.add(4);
    });
    expect(await info()).toEqual([96, 0]);
  });
});

describe('a meter that could not be settled', () => {
  const work = async () => {};
  test.each([
    ['overage', { ...options, overage: 'overdraf' }, work],
    ['chargeOnError', { ...options, chargeOnError: 'all' }, work],
    ['options', { ...options, planId: 'pro' }, work],
    ['options', undefined, work],
    ['options', null, work],
    ['run', options, undefined],
  ])('is not opened: %s of %j', async (path, given, run) => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const refused = { code: 'INVALID_ARGUMENT', details: { path } };
    await expect(credits.withCredits(given as typeof options, run as typeof work)).rejects.toMatchObject(refused);
    if (run) await expect(credits.openMeter(given as typeof options)).rejects.toMatchObject(refused);
    expect(await info()).toEqual([100, 0]);
    expect((await credits.getCreditHistory('u', { includeHolds: true })).items).toHaveLength(1);
  });

  test('refuses usage and sources that are none, and goes on', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const meter = await credits.openMeter(options);
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' });
    expect(() => meter.addUsage(undefined as never)).toThrow(refused);
    expect(() => meter.stream('text' as never)).toThrow(refused);
    expect(() => meter.stream(undefined as never)).toThrow(refused);
    meter.add(1);
    await meter.settle();
    expect(await info()).toEqual([99, 0]);
  });
});

describe('openMeter', () => {
  test('a stream settles at its end', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const meter = await credits.openMeter(options);
    const stream = meter.stream(chunks('a', 'bb', 'ccc'), (chunk, open) => open.add(chunk.length));
    const read: string[] = [];
    for await (const chunk of stream as unknown as AsyncIterable<string>) read.push(chunk);
    expect(read).toEqual(['a', 'bb', 'ccc']);
    expect(await info()).toEqual([94, 0]);
  });

  test('a reader that goes away is charged what was recorded; so is a source that fails', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const cancelled = await credits.openMeter(options);
    const reader = cancelled.stream(chunks('a', 'b'), (_, open) => open.add(1)).getReader();
    await reader.read();
    await reader.cancel();
    expect((await info())[1]).toBe(0);
    const failing = await credits.openMeter(options);
    async function* broken(): AsyncGenerator<string> {
      yield 'a';
      throw new Error('connection lost');
    }
    const other = failing.stream(broken(), (_, open) => open.add(5)).getReader();
    await other.read();
    await expect(other.read()).rejects.toThrow('connection lost');
    const [balance, reserved] = await info();
    expect(reserved).toBe(0);
    expect(100 - (balance ?? 0)).toBeGreaterThanOrEqual(6);
  });

  test('settling and releasing are idempotent, and nothing can be added afterwards', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const meter = await credits.openMeter(options);
    meter.add(2);
    const first = await meter.settle();
    expect((await meter.settle())?.id).toBe(first?.id);
    await meter.release();
    expect(() => meter.add(1)).toThrow('settled');
    expect(() => meter.addUsage({ model: 'm', provider: 'p', cost: Number.NaN })).toThrow();
    expect(await info()).toEqual([98, 0]);
    const unused = await credits.openMeter(options);
    await unused[Symbol.asyncDispose]();
    expect(await unused.settle()).toBe(null);
    expect(await info()).toEqual([98, 0]);
  });

  test('takes a record for each of many tokens', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const meter = await credits.openMeter(options);
    for (let i = 0; i < 20_000; i++) meter.add(0.0000001);
    await meter.settle();
    expect(await info()).toEqual([99.998, 0]);
  });

  test('notes that do not fit never stop a settlement', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const meter = await credits.openMeter(options);
    for (let i = 0; i < 300; i++) meter.add(0.01, { note: 'x'.repeat(100), i });
    await meter.settle();
    expect(await info()).toEqual([97, 0]);
    const [charge] = (await credits.getCreditHistory('u', { types: ['commit_reserved'] })).items;
    expect(charge?.metadata).toEqual({ usageRecords: 300 });
  });

  test('a note is of the moment it was given, and one that cannot be kept costs no other', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const meter = await credits.openMeter(options);
    const note = { step: 1 };
    meter.add(1, note);
    note.step = 2;
    meter.add(1, { when: new Date() as unknown as string });
    meter.add(1, { step: 3 });
    await meter.settle();
    expect(await info()).toEqual([97, 0]);
    const [charge] = (await credits.getCreditHistory('u', { types: ['commit_reserved'] })).items;
    expect(charge?.metadata).toEqual({ llm_usage: [{ step: 1 }, { step: 3 }] });
  });
});

describe('what metered work costs beyond its estimate', () => {
  const over = async (options: object, account: object = {}) => {
    const { credits } = createTestCredits();
    await credits.createAccount('u', account);
    await credits.addCredits('u', 10);
    const work = credits.withCredits({ userId: 'u', estimate: 10, ...options }, async (meter) => meter.add(1_000));
    const code = await codeOf(work);
    const { balance, reserved } = await credits.getUserCreditsInfo('u');
    return { code, balance, reserved };
  };

  test('becomes debt up to the limit; the overage may refuse it instead, and then nothing is charged', async () => {
    expect(await over({})).toEqual({ code: 'resolved', balance: -990, reserved: 0 });
    expect(await over({}, { overdraftLimit: 50 })).toEqual({ code: 'resolved', balance: -50, reserved: 0 });
    const refused = { balance: 10, reserved: 10 };
    const overdraft = { overage: 'overdraft' };
    expect(await over(overdraft, { overdraftLimit: 50 })).toEqual({ ...refused, code: 'OVERDRAFT_LIMIT' });
    expect(await over({ overage: 'charge' })).toEqual({ ...refused, code: 'INSUFFICIENT_CREDITS' });
    expect(await over({}, { overdraftLimit: 990 })).toEqual({ code: 'resolved', balance: -990, reserved: 0 });
  });
});
