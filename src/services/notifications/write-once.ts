/** Writes a unit whose first row exists once, however many calls and processes write it at the same time. */
import { randomInt } from 'node:crypto';
import type { Unit } from '../../ports/db-manager.js';
import { monotonicNow, sleep } from '../../timers.js';
import { failureOf, storageError } from '../store/storage-error.js';
import type { Tables } from '../store/tables.js';

/** Whether this call wrote the unit. @throws STORAGE_UNAVAILABLE where that cannot be known in time */
export async function writeOnce<S>(tables: Tables<S>, unit: Unit, timeoutMs: number): Promise<boolean> {
  const until = monotonicNow() + timeoutMs;
  let isUnsure = false;
  for (;;) {
    const outcome = await tables.writeOne(unit, { timeoutMs: Math.max(1, until - monotonicNow()) });
    if (outcome.status === 'committed') return true;
    if (outcome.status === 'conflict') return isUnsure && (await isOwn(tables, unit, timeoutMs));
    if (outcome.status === 'unknown') isUnsure = true;
    else if (outcome.status !== 'locked') throw failureOf(outcome) ?? storageError(undefined);
    if (monotonicNow() >= until) throw storageError(undefined);
    await sleep(randomInt(5, 50));
  }
}

/** Whether the stored row is the one that an earlier attempt of this call sent. */
async function isOwn<S>(tables: Tables<S>, [first]: Unit, timeoutMs: number): Promise<boolean> {
  if (first?.op !== 'insert') return false;
  const [row] = await tables.db.getMany(first.model, [first.row.id as string], { timeoutMs });
  return row?.createdAt instanceof Date && row.createdAt.getTime() === (first.row.createdAt as Date).getTime();
}
