/** A database that is older than its ledger file: restored, or taken over by a standby that had not got everything. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { LoggerLike, Row } from '../../src/index.js';
import { newFile } from '../support/audit-world.js';
import { codeOf } from '../support/codes.js';
import { describeBackends, type World } from '../support/plan-world.js';
import { sleep, until } from '../support/wait.js';

function repeatedIn(path: string): number {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.length - new Set(lines).size;
}

/** Puts the account back to what it was, and takes the newest entries away. */
async function restore(world: World, account: Row, entries: readonly string[]): Promise<void> {
  const [now] = (await world.host.getMany('account', [account.id as string])) as [Row];
  const unit = [
    { op: 'replace', model: 'account', row: account, expectedVersion: now.version } as const,
    ...entries.map((key) => ({ op: 'delete', model: 'entry', key, expectedVersion: 1 }) as const),
  ];
  expect(await world.host.commit([unit])).toMatchObject([{ status: 'committed' }]);
}

function listener() {
  const errors: object[] = [];
  const nothing = () => {};
  const logger: LoggerLike = { debug: nothing, info: nothing, warn: nothing, error: (told) => void errors.push(told) };
  return { errors, logger };
}

await describeBackends('the ledger file and the database', (open) => {
  test('a database that lost commits is told in health and log, and refused where that is wished', async () => {
    const ledger = { filePath: newFile(), fsync: 'always' } as const;
    const world = await open();
    const first = world.open({ ledger });
    await first.credits.addCredits('u', 100);
    const [account] = (await world.host.getMany('account', ['credits/u'])) as [Row];
    const lost = [await first.credits.deductCredits('u', 10), await first.credits.deductCredits('u', 20)];
    expect((await first.health()).isDatabaseOlder).toBe(false);
    await first.ledger.reconcile();
    const sound = world.open({ ledger });
    await sound.init();
    expect(await sound.health()).toMatchObject({ status: 'healthy', isDatabaseOlder: false });

    await restore(
      world,
      account,
      lost.map(({ id }) => id),
    );
    const { errors, logger } = listener();
    const told = world.open({ ledger, logger });
    await told.init();
    expect(await told.health()).toMatchObject({ status: 'degraded', isDatabaseOlder: true });
    expect(errors).toMatchObject([{ count: 2, first: lost[0]?.id }]);
    expect((await told.credits.getUserCreditsInfo('u')).balance).toBe(100);

    const refusing = world.open({ ledger: { ...ledger, olderDatabase: 'refuse' } });
    expect(await codeOf(refusing.init())).toBe('LEDGER_CORRUPT');
    expect(await codeOf(refusing.credits.addCredits('u', 1))).toBe('LEDGER_CORRUPT');
    // The file says what was lost.
    expect((await told.ledger.verify()).problems).toMatchObject(lost.map(({ id }) => ({ kind: 'file_unknown', id })));
  });

  test('a file of another ledger, or without whole lines, says nothing', async () => {
    const ledger = { filePath: newFile(), fsync: 'always', olderDatabase: 'refuse' } as const;
    const [one, other] = [await open(), await open()];
    const first = one.open({ ledger });
    await first.credits.addCredits('u', 1);
    // On a database the other world takes the place of this one, and does not close what was opened since.
    await first.close();
    const manager = other.open({ ledger });
    await manager.credits.addCredits('u', 1);
    expect(await manager.health()).toMatchObject({ isDatabaseOlder: false });
  });

  test('a file that is older than the database is caught up once this process has written', async () => {
    const ledger = { filePath: newFile(), fsync: 'always' } as const;
    const world = await open();
    await world.open({ ledger }).credits.addCredits('u', 100);
    // A process that has no file, or died before it wrote its lines.
    const { credits } = world.open();
    const lacking = [await credits.deductCredits('u', 10), await credits.deductCredits('u', 20)];

    const reader = world.open({ ledger });
    const problems = (await reader.ledger.verify()).problems.map(({ kind, id }) => `${kind} ${id}`);
    expect(problems).toEqual(expect.arrayContaining(lacking.map(({ id }) => `file_missing ${id}`)));
    const writer = world.open({ ledger });
    await writer.credits.deductCredits('u', 1);
    await until(async () => (await reader.ledger.verify()).ok, 'the file has every entry');
    expect(repeatedIn(ledger.filePath)).toBe(0);
  });

  test('lines that another process was about to write are not written again', async () => {
    const ledger = { filePath: newFile() } as const;
    const world = await open();
    const first = world.open({ ledger });
    await first.credits.addCredits('u', 100);
    await first.ledger.reconcile();
    const second = world.open({ ledger });
    await Promise.all([first.credits.deductCredits('u', 1), second.credits.deductCredits('u', 1)]);
    await sleep(2_500);
    expect((await first.ledger.verify()).ok).toBe(true);
    expect(repeatedIn(ledger.filePath)).toBe(0);
  });
});
