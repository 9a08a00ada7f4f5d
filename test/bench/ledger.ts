/** In memory: entries verified a second, and a balance of the past against a look-up. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCreditManagement } from 'credit-management';

export interface LedgerFigures {
  /** Entries a second over many accounts, without and with a file to compare. */
  readonly verify: number;
  readonly verifyWithFile: number;
  /** Bytes of heap that verifying with a file added at its peak. */
  readonly heap: number;
  /** Median milliseconds of `getBalanceAt` on a long history, and of `getTransaction` on it. */
  readonly balanceAtMs: number;
  readonly transactionMs: number;
}

/** @param entries of the whole ledger, and of the one long account. */
export async function ledgerFigures(entries: number, history: number): Promise<LedgerFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'credit-bench-'));
  try {
    const { verify, withFile, heap } = await verifying(entries, join(folder, 'ledger.jsonl'));
    return { verify, verifyWithFile: withFile, heap, ...(await travelling(history)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function verifying(entries: number, filePath: string) {
  const { db, credits, ledger, close } = createCreditManagement({ ledger: { filePath } });
  const users = Math.ceil(entries / 100);
  for (let from = 0; from < entries; from += 5_000) {
    const calls = Array.from({ length: Math.min(5_000, entries - from) }, (_, i) => {
      const user = `user-${(from + i) % users}`;
      return from < users ? credits.addCredits(user, 1_000) : credits.deductCredits(user, 1);
    });
    await Promise.all(calls);
  }
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  let peak = before;
  const onProgress = () => {
    peak = Math.max(peak, process.memoryUsage().heapUsed);
  };
  const withFile = await rate(() => ledger.verify({ onProgress }));
  const plain = createCreditManagement({ db });
  globalThis.gc?.();
  const verify = await rate(() => plain.ledger.verify());
  await close();
  return { verify, withFile, heap: peak - before };
}

async function rate(run: () => Promise<{ ok: boolean; checked: number }>): Promise<number> {
  const began = performance.now();
  const { ok, checked } = await run();
  if (!ok) throw new Error('The ledger is not clean.');
  return (checked / (performance.now() - began)) * 1000;
}

async function travelling(history: number) {
  let now = Date.parse('2030-01-01T00:00:00Z');
  const { credits, close } = createCreditManagement({ clock: { now: () => new Date(now) } });
  const ids: string[] = [];
  for (let from = 0; from < history; from += 1_000) {
    now += 1_000;
    const added = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        from + i === 0 ? credits.addCredits('u', 1_000_000) : credits.deductCredits('u', 0.01),
      ),
    );
    for (const { id } of added) ids.push(id);
  }
  const start = Date.parse('2030-01-01T00:00:01Z');
  const instant = (i: number) => new Date(start + ((i * 7919) % (history / 1_000)) * 1_000 + 500);
  const balances: number[] = [];
  const lookups: number[] = [];
  for (let i = 0; i < 10_000; i++) {
    const balance = await timed(() => credits.getBalanceAt('u', instant(i)));
    const lookup = await timed(() => credits.getTransaction(ids[(i * 7919) % history] as string));
    // The first calls are the compiler's.
    if (i < 5_000) continue;
    balances.push(balance);
    lookups.push(lookup);
  }
  await close();
  return { balanceAtMs: median(balances), transactionMs: median(lookups) };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}
