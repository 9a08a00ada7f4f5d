/** What operations cost: time of the processor here and in the server, bytes allocated, bytes of the server's log. */
import { readFileSync } from 'node:fs';
import { GCProfiler } from 'node:v8';
import type pg from 'pg';

/** A clock of the kernel counts hundredths of a second. */
const TICK_US = 10_000;

export interface Cost {
  readonly nodeUs: number;
  /** Of the server's processes for connections; null where it is on another machine. */
  readonly serverUs: number | null;
  readonly allocatedBytes: number;
  readonly walBytes: number;
}

/** Runs some operations and tells the cost of each. `control` is a connection that they do not use. */
export async function costOf<T>(
  control: pg.Client,
  run: () => Promise<T>,
  operationsOf: (result: T) => number,
): Promise<{ result: T; cost: Cost }> {
  const walBefore = await walOf(control);
  const serverBefore = serverTimes(await backendsOf(control));
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
  const serverAfter = serverTimes(await backendsOf(control));
  const wal = (await walOf(control)) - walBefore;
  const operations = operationsOf(result);
  const cost = {
    nodeUs: (user + system) / operations,
    serverUs: serverBefore && serverAfter && sumSince(serverBefore, serverAfter) / operations,
    allocatedBytes: allocated / operations,
    walBytes: wal / operations,
  };
  return { result, cost };
}

/** Memory of each connection's process that is its own, in MiB; empty where the server is on another machine. */
export async function backendMemory(control: pg.Client): Promise<number[]> {
  try {
    const kiB = (await backendsOf(control)).map((pid) =>
      Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
    );
    return kiB.map((each) => each / 1_024);
  } catch {
    return [];
  }
}

async function backendsOf(control: pg.Client): Promise<number[]> {
  const { rows } = await control.query(
    `select pid from pg_stat_activity
      where backend_type = 'client backend' and datname = current_database() and pid <> pg_backend_pid()`,
  );
  return rows.map(({ pid }) => pid);
}

async function walOf(control: pg.Client): Promise<number> {
  const { rows } = await control.query(`select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes`);
  return Number(rows[0].bytes);
}

/** Microseconds by process. Connections that ended meanwhile are counted for nothing. */
function serverTimes(pids: readonly number[]): ReadonlyMap<number, number> | null {
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
