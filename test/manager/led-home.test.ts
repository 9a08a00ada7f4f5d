/** Errors lead to the host: their stacks hold the caller who awaits, or at least the verb that nobody awaited. */
import { describe, expect, test } from 'vitest';
import { createCreditManagement, InMemoryDbManager, isCreditError } from '../../src/index.js';
import { gate } from '../support/wait.js';

type Manager = ReturnType<typeof createCreditManagement>;

const PLAN = { name: 'Pro', creditLimit: 10, price: 0, billingPeriod: 'monthly' } as const;

/** Calls that are refused only after the pipeline, or the database, was asked. */
const REFUSED: Readonly<Record<string, (manager: Manager) => Promise<unknown>>> = {
  deductCredits: ({ credits }) => credits.deductCredits('u', 10),
  deductCreditsAfterService: ({ credits }) => credits.deductCreditsAfterService('limited', 10),
  adjustCredits: ({ credits }) => credits.adjustCredits('u', -10, { actor: 'a', reason: 'r' }),
  transferCredits: ({ credits }) => credits.transferCredits({ from: 'u', to: 'v', amount: 10 }),
  reverseTransaction: async ({ credits }) => credits.reverseTransaction('t-none'),
  reserveCredits: ({ credits }) => credits.reserveCredits('u', 10),
  commitReservedCredits: ({ credits }) => credits.commitReservedCredits('r-none'),
  unreserveCredits: ({ credits }) => credits.unreserveCredits('r-none'),
  addCredits: ({ credits }) => credits.addCredits('u', 7, { idempotencyKey: 'k' }),
  createAccount: ({ credits }) => credits.createAccount('limited', { overdraftLimit: 2 }),
  withCredits: ({ credits }) => credits.withCredits({ userId: 'u', estimate: 10 }, async () => {}),
  setUserSubscriptionPlan: ({ subscriptions }) => subscriptions.setUserSubscriptionPlan('u', 'p-none'),
  cancelUserSubscription: ({ subscriptions }) => subscriptions.cancelUserSubscription('u'),
  activateSubscriptionPlan: ({ subscriptions }) => subscriptions.activateSubscriptionPlan('p-none'),
  createPromo: ({ promos }) => promos.createPromo({ code: 'TWICE', credits: 5 }),
  togglePromo: ({ promos }) => promos.togglePromo({ code: 'NONE', active: false } as never),
};

async function used(): Promise<Manager> {
  const manager = createCreditManagement();
  await manager.credits.createAccount('limited', { overdraftLimit: 1 });
  await manager.credits.addCredits('u', 5, { idempotencyKey: 'k' });
  await manager.promos.createPromo({ code: 'TWICE', credits: 5 });
  await manager.subscriptions.addSubscriptionPlan(PLAN);
  return manager;
}

const stackOf = (call: () => Promise<unknown>) =>
  call().then(
    () => 'not refused',
    (error: unknown) => String(isCreditError(error) && (error as Error).stack),
  );

describe.each(Object.entries(REFUSED))('a refused %s', (verb, call) => {
  test('has the frame of the host who awaits it', async () => {
    const manager = await used();
    const inTheHost = async () => {
      await call(manager);
    };
    expect(await stackOf(inTheHost)).toMatch(/^CreditError: .*\n( {4}at .*\n)* {4}at (async )?inTheHost /);
    await manager.close();
  });

  test('names the verb where nobody awaits it', async () => {
    const manager = await used();
    const heard: unknown[] = [];
    const hear = (reason: unknown) => heard.push(reason);
    process.on('unhandledRejection', hear);
    void call(manager);
    for (let turn = 0; heard.length === 0 && turn < 1_000; turn++) await new Promise((next) => setImmediate(next));
    process.off('unhandledRejection', hear);
    expect(heard.map((reason) => (reason as Error).stack)).toEqual([expect.stringMatching(`\\b${verb}\\b`)]);
    await manager.close();
  });
});

test('callers who share a failure of the database get a stack each, and the driver’s error as cause', async () => {
  const down = gate();
  class Down extends InMemoryDbManager {
    override async commit(): Promise<never> {
      await down.opened;
      throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' });
    }
  }
  const db = new Down();
  const { credits } = createCreditManagement({ db });
  const first = async () => {
    await credits.addCredits('u', 1);
  };
  const second = async () => {
    await credits.addCredits('v', 1);
  };
  down.open();
  const [a, b] = await Promise.all([first, second].map((call) => call().catch((error: unknown) => error)));
  for (const [error, frame] of [
    [a, ' first '],
    [b, ' second '],
  ] as const) {
    expect(isCreditError(error, 'STORAGE_UNAVAILABLE')).toBe(true);
    const { message, stack, cause } = error as Error;
    expect(message).toMatch(
      /^The database (could|did) not answer \(ECONNREFUSED\)\. Nothing was written; try again\.$/,
    );
    expect(stack).toContain(frame);
    expect(stack).not.toContain('10.0.0.7');
    expect(String(cause)).toContain('10.0.0.7');
  }
});

describe('what was given, and what to write', () => {
  const ID = 'a string of 1 to 255 characters';
  const { credits, subscriptions } = createCreditManagement();
  test.each<[string, () => Promise<unknown>]>([
    [
      `reservation is not valid: ${ID}, and a promise was given. Write await before reserveCredits.`,
      () => credits.commitReservedCredits(credits.reserveCredits('rich', 1) as never),
    ],
    [
      `plan is not valid: ${ID}, and a promise was given. Write await before addSubscriptionPlan.`,
      () => subscriptions.setUserSubscriptionPlan('u', subscriptions.addSubscriptionPlan(PLAN) as never),
    ],
    [
      'userId is not valid: a string of 1 to 255 characters, and a number was given. Write String(userId).',
      () => credits.addCredits(42 as never, 1),
    ],
    [
      'userId is not valid: a string of 1 to 255 characters, and an empty string was given.',
      () => credits.addCredits('', 1),
    ],
    [
      'userId is not valid: a string of 1 to 255 characters, and nothing was given.',
      () => credits.addCredits(undefined as never, 1),
    ],
    [
      'options is not valid: an object with named fields, and a string was given. Write { session: … }.',
      () => credits.addCredits('u', 1, 'purchase' as never),
    ],
    [
      'options is not valid: an object with named fields, and nothing was given. Write { actor, reason }.',
      () => (credits.adjustCredits as (...given: unknown[]) => Promise<unknown>)('u', 1),
    ],
    [
      'transfer is not valid: an object with named fields, and a string was given. Write { from, to, amount }.',
      () => credits.transferCredits('u' as never),
    ],
  ])('%s', async (message, call) => {
    await credits.addCredits('rich', 10);
    const error = await call().catch((reason: unknown) => reason);
    expect((error as Error).message).toBe(message);
    expect(isCreditError(error, 'INVALID_ARGUMENT')).toBe(true);
  });
});

test.each([
  ['a manager, whose database is manager.db', createCreditManagement()],
  ['options of new SqlDbManager({ … })', { url: 'postgres://secret@host/db' }],
  ['options of new MongoDbManager({ … })', { uri: 'mongodb://secret@host' }],
  ['a text; a URL goes into new SqlDbManager({ url })', 'postgres://secret@host/db'],
])('%s is no db, and is told so', (told, db) => {
  const make = () => createCreditManagement({ db: db as never });
  expect(make).toThrow(
    `createCreditManagement: db is not valid: a DbManager, such as new SqlDbManager({ pool }), not ${told}.`,
  );
  expect(make).not.toThrow(/secret/);
});

test('a database given as the options is told so', () => {
  const given = new InMemoryDbManager();
  expect(() => createCreditManagement(given as never)).toThrow('a DbManager was given as the options. Write { db }.');
});

test('a transaction is reversed by itself, as by its id', async () => {
  const { credits } = createCreditManagement();
  const added = await credits.addCredits('u', 5);
  const { id } = await credits.reverseTransaction(added, { amount: 2, idempotencyKey: 'k' });
  expect(await credits.reverseTransaction(added.id, { amount: 2, idempotencyKey: 'k' })).toMatchObject({
    id,
    replayed: true,
  });
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(3);
});
