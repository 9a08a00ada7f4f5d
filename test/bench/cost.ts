/** What operations cost: time of the processor here and in the server, bytes allocated, bytes of the server's log. */
import { readFileSync } from 'node:fs';
import { GCProfiler } from 'node:v8';

/** A clock of the kernel counts hundredths of a second. */
const TICK_US = 10_000;

export interface Cost {
  readonly nodeUs: number;
  /** Of the server's processes; null where it is on another machine. */
  readonly serverUs: number | null;
  readonly allocatedBytes: number;
  /** Of the server's log of what was written. */
  readonly walBytes: number;
}

/** What a server tells of itself. */
export interface Meter {
  /** Its processes that work for the operations; null where it is known to be on another machine. */
  pids(): Promise<readonly number[] | null>;
  /** Bytes of its log since some time in the past. */
  walBytes(): Promise<number>;
}

/** Runs some operations and tells the cost of each. The meter has a connection that they do not use. */
export async function costOf<T>(
  meter: Meter,
  run: () => Promise<T>,
  operationsOf: (result: T) => number,
): Promise<{ result: T; cost: Cost }> {
  const walBefore = await meter.walBytes();
  const serverBefore = serverTimes(await meter.pids());
  const garbage = new GCProfiler();
  garbage.start();
  let heap = process.memoryUsage().heapUsed;
  const before = process.cpuUsage();
  const result = await run();
  const { user, system } = process.cpuUsage(before);
  const heapAfter = process.memoryUsage().heapUsed;
  let allocated = 0;
  for (const { beforeGC, afterGC } of garbage.stop().statistics) {
    allocated += beforeGC.heapStatistics.usedHeapSize - heap;
    heap = afterGC.heapStatistics.usedHeapSize;
  }
  allocated += heapAfter - heap;
  const serverAfter = serverTimes(await meter.pids());
  const wal = (await meter.walBytes()) - walBefore;
  const operations = operationsOf(result);
  const cost = {
    nodeUs: (user + system) / operations,
    serverUs: serverBefore && serverAfter && sumSince(serverBefore, serverAfter) / operations,
    allocatedBytes: allocated / operations,
    walBytes: wal / operations,
  };
  return { result, cost };
}

/** Microseconds by process. */
function serverTimes(pids: readonly number[] | null): ReadonlyMap<number, number> | null {
  if (!pids) return null;
  try {
    const ticks = pids.map((pid): [number, number] => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      return [pid, (Number(fields[11]) + Number(fields[12])) * TICK_US];
    });
    return new Map(ticks);
  } catch {
    return null;
  }
}

function sumSince(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  return [...after].reduce((sum, [pid, time]) => sum + time - (before.get(pid) ?? 0), 0);
}
