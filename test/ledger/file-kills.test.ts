/**
 * kill -9 of processes that write, at random moments. `CREDIT_FILE_KILLS` says how often, `CREDIT_SEED` repeats the
 * moments as far as a system with several processes can.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createCreditManagement } from '../../src/index.js';
import { amount } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { randomSource } from '../support/chaos.js';
import { QUIET } from '../support/quiet.js';
import { sleep, until } from '../support/wait.js';
import { folder, LastingDb, openFile } from './file-folder.js';
import { bytesOf, judge } from './file-oracle.js';
import { startWorker, type Worker } from './file-workers.js';

const KILLS = amount('CREDIT_FILE_KILLS');
/** Processes on one path that are killed together. */
const AT_ONCE = 2;
/** Rounds on one database and file. */
const ROUNDS_A_LEDGER = 5;
const RICH = { userId: 'rich', credits: 300, times: 1_000 };

/** A database and its file, over several kills. */
class Victim {
  readonly db = new LastingDb();
  entries = 0;
  /** Lines that a kill cut off. */
  torn = 0;
  /** Entries whose line a kill left out. */
  left = 0;
  /** Rounds after which nothing was missing. */
  whole = 0;

  constructor(readonly path: string) {}

  async prepare(): Promise<void> {
    const { credits } = createCreditManagement({ db: this.db, logger: QUIET });
    for (let i = 0; i < RICH.credits; i++) await credits.addCredits(RICH.userId, 1);
    const { manager } = openFile({ db: this.db, path: this.path });
    await manager.ledger.reconcile();
    await manager.close();
  }

  /** Nothing stands there that is not committed, nothing is cut, and reconcile makes file and ledger one. */
  async check(): Promise<void> {
    const { db, path } = this;
    const hint = `seed ${SEED}, ${path}`;
    const killed = await judge(db, path);
    expect(killed.strange, hint).toEqual([]);
    const before = bytesOf(path);
    const { manager } = openFile({ db, path });
    const { added } = await manager.ledger.reconcile();
    const report = await manager.ledger.verify();
    await manager.close();
    const after = bytesOf(path);
    expect(after.subarray(0, before.length).equals(before), hint).toBe(true);
    const repaired = await judge(db, path);
    expect(repaired, hint).toMatchObject({ missing: [], strange: [], foreign: 0 });
    expect(report, hint).toMatchObject({ ok: true, problems: [], file: { foreign: 0 } });
    // Where two died at one moment, one line has two pieces.
    expect(report.file?.torn, hint).toBeGreaterThanOrEqual(repaired.torn);
    // Whoever opens the file also mirrors its own entries; only what the kill left out is reconciled.
    expect(added, hint).toBe(killed.missing.length);
    this.torn = repaired.torn;
    this.entries = report.checked;
    this.left += added;
    if (added === 0) this.whole++;
  }
}

test(`${KILLS} kills at random moments cut nothing, and reconcile brings back what they left out`, async () => {
  const random = randomSource(SEED);
  const place = folder();
  const victims: Victim[] = [];
  let kills = 0;
  while (kills < KILLS) {
    const victim = new Victim(join(place, `ledger-${victims.length}.jsonl`));
    victims.push(victim);
    await victim.prepare();
    let next = startWorkers(victim);
    for (let round = 0; round < ROUNDS_A_LEDGER && kills < KILLS; round++) {
      const workers = await next;
      const { length } = bytesOf(victim.path);
      for (const [i, worker] of workers.entries()) worker.run(workOf(victim.path, random, round, i));
      await until(() => bytesOf(victim.path).length > length, 'the first line');
      await sleep(random() * 300);
      await Promise.all(workers.map((worker) => worker.kill()));
      kills += AT_ONCE;
      // The next ones start while what these left is looked at.
      next = startWorkers(victim);
      await victim.check();
    }
    for (const worker of await next) await worker.kill();
  }
  const sum = (of: 'entries' | 'torn' | 'left' | 'whole') => victims.reduce((total, victim) => total + victim[of], 0);
  const counts = { kills, entries: sum('entries'), torn: sum('torn'), left: sum('left'), whole: sum('whole') };
  console.log(`file kills: seed ${SEED}, ${JSON.stringify(counts)}`);
  expect(counts.entries).toBeGreaterThan(kills * 20);
  expect(counts.left).toBeGreaterThan(0);
  expect(counts.torn).toBeGreaterThan(kills >= 30 ? 0 : -1);
});

function startWorkers({ db }: Victim): Promise<Worker[]> {
  return Promise.all(Array.from({ length: AT_ONCE }, () => startWorker(db)));
}

function workOf(path: string, random: () => number, round: number, i: number): Parameters<Worker['run']>[0] {
  const fsync = (['interval', 'never', 'always'] as const)[round % 3] ?? 'interval';
  const amount = { width: 1 + Math.floor(random() * 64), large: random() * 0.5 };
  // In every other round one of the two dies in the middle of a write, and the other goes on behind what it left.
  const dies = i === 0 && round % 2 === 0 ? { write: 1 + Math.floor(random() * 20), part: random() } : null;
  const users = ['a', 'b', 'c', 'd'];
  return { path, fsync, seed: Math.floor(random() * 1e9), users, rich: RICH, dies, ...amount };
}
