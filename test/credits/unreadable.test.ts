/** A row of an account that nobody can read: its own account is told, and nobody else. */
import { expect, test } from 'vitest';
import { createCreditManagement, InMemoryDbManager, type Row } from '../../src/index.js';
import { QUIET } from '../support/quiet.js';

const USERS = ['u1', 'u2', 'u3'];

async function damaged() {
  const db = new InMemoryDbManager();
  const open = () => createCreditManagement({ db, logger: QUIET });
  const { credits } = open();
  for (const user of USERS) await credits.addCredits(user, 10);
  const [row] = (await db.getMany('account', ['credits/u2'])) as [Row];
  const version = row.version + 1;
  const change = {
    op: 'replace',
    model: 'account',
    row: { ...row, version, state: 'gone' },
    expectedVersion: row.version,
  };
  expect(await db.commit([[change as never]])).toEqual([{ status: 'committed' }]);
  return open();
}

const codes = (calls: readonly Promise<unknown>[]) =>
  Promise.all(
    calls.map((call) =>
      call.then(
        () => 'answered',
        ({ code }) => code,
      ),
    ),
  );

test('reads of other accounts in the same tick are answered', async () => {
  const { credits } = await damaged();
  const reads = USERS.map((user) => credits.getUserCreditsInfo(user));
  expect(await codes(reads)).toEqual(['answered', 'INVARIANT_VIOLATION', 'answered']);
});

test('so are changes of other accounts in the same batch', async () => {
  const { credits } = await damaged();
  const changes = USERS.map((user) => credits.deductCredits(user, 1));
  expect(await codes(changes)).toEqual(['answered', 'INVARIANT_VIOLATION', 'answered']);
});

test.each([{}, { maxAvailable: 50 }])('a list passes over it and names it: %o', async (options) => {
  const { credits } = await damaged();
  const { items, skipped, nextCursor } = await credits.listAccounts(options);
  expect(items.map(({ userId }) => userId).sort()).toEqual(['u1', 'u3']);
  expect(skipped).toEqual([
    { id: 'u2', code: 'INVARIANT_VIOLATION', message: expect.stringContaining('cannot be read') },
  ]);
  expect(nextCursor).toBeNull();
});

test('a list of sound accounts names none', async () => {
  const { credits } = createCreditManagement({ logger: QUIET });
  await credits.addCredits('u1', 1);
  expect(await credits.listAccounts()).toMatchObject({ items: [{ userId: 'u1' }], skipped: [], nextCursor: null });
});
