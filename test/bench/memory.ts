/**
 * The library in memory against the pure decision (with canonical bytes and hash), rounds alternating in one run, so
 * that only ratios count.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context as traceContext } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { createCreditManagement, InMemoryDbManager } from 'credit-management';
import { prometheusMetrics } from 'credit-management/metrics';
import { openTelemetryTracer } from 'credit-management/otel';
import { Registry } from 'prom-client';
import { type Account, emptyAccount } from '../../src/core/account.js';
import type { CallInfo, Command } from '../../src/core/command.js';
import { decide } from '../../src/core/decide.js';
import type { Context } from '../../src/core/decision.js';
import { PLAIN_TERMS } from '../../src/core/grants.js';
import { accountToRow } from '../../src/core/rows.js';
import { uuidv7Source } from '../../src/services/manager/ids.js';
import { AccountMemory } from '../../src/services/pipeline/account-memory.js';
import { ledgerFigures } from './ledger.js';

const DEFAULTS = { trialCredits: 0, overdraftLimit: null, lowCreditThreshold: null, lowCreditHysteresis: 0 };

const ACCOUNTS = 10_000;
const IN_FLIGHT = 1_000;
const MICRO = 1_000_000;

export interface BenchOptions {
  readonly operations: number;
  readonly rounds: number;
  readonly json: boolean;
}

type Workload = 'hot' | 'uniform';
type Design = 'library' | 'library+file' | 'library+metrics' | 'library+tracing';
interface Result {
  adapter: string;
  design: 'pure' | Design;
  workload: Workload;
  inFlight: number;
  history: number;
  opsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

const nextId = uuidv7Source();
const facts = { grant: () => null, reservation: () => null, reversals: () => [], lapses: () => [], row: () => null };
const context: Context = {
  now: Date.now(),
  scale: 6,
  ledgerId: nextId(),
  defaults: DEFAULTS,
  defaultsOf: () => DEFAULTS,
  temporal: null,
  limits: { openGrants: 1_000, activeReservations: 1_000, lateUsageMs: 0 },
  allEvents: false,
  eventMetadata: false,
  facts,
};

function call(operation: string): CallInfo {
  const operationId = nextId();
  const none = { description: null, actor: null, reason: null, correlationId: null };
  return { operation, operationId, ...none, metadata: {}, idempotencyKey: null, scopedKey: null, fingerprint: null };
}

function pureAccount(userId: string, lots: number): Account {
  let account = emptyAccount('credits', userId);
  for (let i = 0; i < lots; i++) {
    const terms = { ...PLAIN_TERMS, expiresAt: context.now + (i + 1) * 86_400_000 };
    account = apply(account, { type: 'add', amount: 1_000_000 * MICRO, terms });
  }
  return account;
}

function apply(account: Account, command: Command): Account {
  const decision = decide([account], command, call(command.type), context);
  if (decision.kind !== 'applied') throw new Error(JSON.stringify(decision));
  return decision.changes[0]?.account as Account;
}

/** Decisions a second on `accounts` accounts of `lots` lots, every result kept as the account's next state. */
function pureRate(accounts: number, lots: number, operations: number): number {
  const states = Array.from({ length: accounts }, (_, i) => pureAccount(`user-${i}`, lots));
  const command = { type: 'deduct', amount: MICRO / 100, afterService: false } as const;
  const began = performance.now();
  for (let i = 0; i < operations; i++) {
    const n = (i * 7919) % accounts;
    states[n] = apply(states[n] as Account, command);
  }
  return (operations / (performance.now() - began)) * 1000;
}

/** An SDK that keeps every span, and gives them to an exporter that drops them: what an exporter costs is its own. */
function allSpans() {
  const exporter: SpanExporter = { export: (_, done) => done({ code: 0 }), shutdown: async () => {} };
  const processor = new BatchSpanProcessor(exporter, { maxQueueSize: 100_000, maxExportBatchSize: 2_048 });
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [processor] });
  traceContext.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return {
    tracer: openTelemetryTracer({ tracerProvider }),
    close: async () => {
      traceContext.disable();
      await tracerProvider.shutdown();
    },
  };
}

async function libraryRun(
  workload: Workload,
  inFlight: number,
  operations: number,
  design: Design = 'library',
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'credit-bench-'));
  const ledger = design === 'library+file' ? { filePath: join(folder, 'ledger.jsonl') } : {};
  const metrics = design === 'library+metrics' ? prometheusMetrics({ registry: new Registry() }) : undefined;
  const traces = design === 'library+tracing' ? allSpans() : null;
  const tracer = traces?.tracer;
  const manager = createCreditManagement({ db: new InMemoryDbManager(), ledger, metrics, tracer });
  const accounts = workload === 'hot' ? 1 : ACCOUNTS;
  const now = Date.now();
  for (let lot = 1; lot <= 3; lot++) {
    const expiresAt = new Date(now + lot * 86_400_000);
    const adds = Array.from({ length: accounts }, (_, i) =>
      manager.credits.addCredits(`user-${i}`, 1_000_000, { expiresAt }),
    );
    await Promise.all(adds);
  }
  globalThis.gc?.();
  const latencies = new Float64Array(operations);
  let next = 0;
  const began = performance.now();
  async function worker(): Promise<void> {
    for (let i = next++; i < operations; i = next++) {
      const started = performance.now();
      await manager.credits.deductCredits(`user-${(i * 7919) % accounts}`, 0.01);
      latencies[i] = performance.now() - started;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker));
  const opsPerSecond = (operations / (performance.now() - began)) * 1000;
  const total = await manager.credits.getUsersCreditsInfo(['user-0', `user-${accounts - 1}`]);
  if (accounts === 1 && Math.abs((total[0]?.balance ?? 0) - (3_000_000 - operations / 100)) > 1e-9) {
    throw new Error('The balance is wrong.');
  }
  await manager.close();
  await traces?.close();
  rmSync(folder, { recursive: true });
  latencies.sort();
  const at = (share: number) => latencies[Math.floor(share * (operations - 1))] as number;
  const times = { opsPerSecond, p50Ms: at(0.5), p99Ms: at(0.99) };
  return { adapter: 'memory', design, workload, inFlight, history: 0, ...times };
}

/** Heap bytes an account of three lots takes in the post-commit state. */
function heapPerAccount(): number {
  const count = 20_000;
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const memory = new AccountMemory(count);
  for (let i = 0; i < count; i++) {
    const account = pureAccount(`user-${i}`, 3);
    memory.set(account.key, { account, version: 4, state: accountToRow(account, 4).state });
  }
  globalThis.gc?.();
  const used = process.memoryUsage().heapUsed - before;
  if (!memory.get('credits/user-0')) throw new Error('The state was not kept.');
  return used / count;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}

export async function benchMemory({ operations, rounds, json }: BenchOptions): Promise<void> {
  const results: Result[] = [];
  const none = () => ({ pure: [], library: [], file: [], metrics: [], tracing: [] });
  const rates: Record<Workload, Record<'pure' | 'library' | 'file' | 'metrics' | 'tracing', number[]>> = {
    hot: none(),
    uniform: none(),
  };
  pureRate(100, 3, 20_000);
  await libraryRun('uniform', IN_FLIGHT, 20_000);
  for (let round = 0; round < rounds; round++) {
    for (const workload of ['hot', 'uniform'] as const) {
      globalThis.gc?.();
      const opsPerSecond = pureRate(workload === 'hot' ? 1 : ACCOUNTS, 3, operations);
      const none = { inFlight: 1, history: 0, p50Ms: 0, p99Ms: 0 };
      results.push({ adapter: 'memory', design: 'pure', workload, opsPerSecond, ...none });
      globalThis.gc?.();
      const library = await libraryRun(workload, IN_FLIGHT, operations);
      results.push(library);
      rates[workload].pure.push(opsPerSecond);
      rates[workload].library.push(library.opsPerSecond);
      globalThis.gc?.();
      const filed = await libraryRun(workload, IN_FLIGHT, operations, 'library+file');
      results.push(filed);
      rates[workload].file.push(filed.opsPerSecond);
      globalThis.gc?.();
      const metered = await libraryRun(workload, IN_FLIGHT, operations, 'library+metrics');
      results.push(metered);
      rates[workload].metrics.push(metered.opsPerSecond);
      globalThis.gc?.();
      const traced = await libraryRun(workload, IN_FLIGHT, operations, 'library+tracing');
      results.push(traced);
      rates[workload].tracing.push(traced.opsPerSecond);
    }
  }
  const sequential = await libraryRun('uniform', 1, 20_000);
  results.push(sequential);
  const lots: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const few = pureRate(ACCOUNTS, 3, operations / 2);
    lots.push(pureRate(ACCOUNTS, 20, operations / 2) / few);
  }
  const heap = heapPerAccount();
  const audit = await ledgerFigures(operations, operations / 2);

  if (json) for (const result of [...results, { adapter: 'memory', ...audit }]) console.log(JSON.stringify(result));
  else {
    const ratio = (workload: Workload) =>
      median(rates[workload].library.map((rate, i) => rate / (rates[workload].pure[i] as number)));
    const rate = (numbers: readonly number[]) => Math.round(median(numbers)).toLocaleString('en');
    for (const workload of ['hot', 'uniform'] as const) {
      const { pure, library, file, metrics, tracing } = rates[workload];
      const filed = median(file.map((rate, i) => rate / (library[i] as number))).toPrecision(3);
      const share = ratio(workload).toPrecision(3);
      console.log(
        `${workload}: pure ${rate(pure)}/s, library ${rate(library)}/s, ratio ${share} (goal 0.4, floor 0.28)`,
      );
      console.log(`${workload} with the ledger file: ${rate(file)}/s, ${filed} of the library without`);
      const metered = median(metrics.map((rate, i) => rate / (library[i] as number))).toPrecision(3);
      console.log(`${workload} with metrics: ${rate(metrics)}/s, ${metered} of the library without (goal 0.95)`);
      const followed = median(tracing.map((rate, i) => rate / (library[i] as number))).toPrecision(3);
      console.log(`${workload} with all spans: ${rate(tracing)}/s, ${followed} of the library without (goal 0.85)`);
    }
    const { p50Ms, p99Ms } = sequential;
    console.log(`one in flight: p50 ${p50Ms.toPrecision(3)} ms, p99 ${p99Ms.toPrecision(3)} ms`);
    console.log(`20 lots / 3 lots: ${median(lots).toPrecision(3)} (goal 0.65)`);
    const { verify, verifyWithFile, balanceAtMs, transactionMs } = audit;
    const perSecond = (entries: number) => Math.round(entries).toLocaleString('en');
    console.log(`verify: ${perSecond(verify)} entries/s (goal 100,000), with the file ${perSecond(verifyWithFile)}`);
    console.log(
      `heap added by verifying ${operations} entries with the file: ${(audit.heap / 2 ** 20).toFixed(1)} MiB`,
    );
    const times = (balanceAtMs / transactionMs).toPrecision(3);
    console.log(`getBalanceAt over ${operations / 2} entries: ${times} of getTransaction (goal 2)`);
    console.log(`heap of an account with three lots: ${Math.round(heap)} bytes (goal 2048)`);
  }
}
