/** The usage that one request or job records, kept beside its asynchronous work. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { roundUpCredits } from '../../core/amounts.js';
import type { LlmUsage } from '../../models/inputs/usage.js';
import { metadataSchema } from '../../models/inputs/values.js';
import { notValid, parseId } from '../input/parse.js';

/** The records of one request or job. */
export class UsageContext {
  #usages: LlmUsage[] = [];
  #late: ((usage: LlmUsage) => void) | null = null;
  /** Whether somebody charges what is recorded, so that nothing may take its place. */
  readonly isCharged: boolean;

  constructor({ isCharged = false } = {}) {
    this.isCharged = isCharged;
  }

  add(usage: LlmUsage): void {
    if (this.#late) this.#late(usage);
    else this.#usages.push(usage);
  }

  list(): LlmUsage[] {
    return structuredClone(this.#usages);
  }

  take(): LlmUsage[] {
    const usages = this.#usages;
    this.#usages = [];
    return usages;
  }

  /** Takes the records for the last time; `late` gets those that come afterwards. */
  close(late: (usage: LlmUsage) => void): LlmUsage[] {
    this.#late = late;
    return this.take();
  }

  /** Runs a function, and everything asynchronous that it begins, in this context. */
  run<T>(work: () => T): T {
    return storage.run(this, work);
  }
}

const KEY = Symbol.for('credit-management.usage-context');
const shared = globalThis as { [KEY]?: AsyncLocalStorage<UsageContext> };
/** One for the whole process: a program may load this library as ESM and as CommonJS at once. */
shared[KEY] ??= new AsyncLocalStorage();
const storage = shared[KEY];

let isTold = false;

function current(caller: string): UsageContext | undefined {
  const context = storage.getStore();
  if (!context && !isTold) {
    isTold = true;
    const advice = 'Call it below creditDeduction, in runWithUsageContext, or after initUsageContext';
    const message = `${caller} was called outside a usage context, so it did nothing. ${advice}.`;
    process.emitWarning(message, { code: 'NO_USAGE_CONTEXT' });
  }
  return context;
}

/**
 * Begins an empty usage context for the rest of this function and everything asynchronous that it begins: for a job or
 * a script. A request wants {@link runWithUsageContext} or the middleware, whose context ends with it: requests of one
 * connection may share what is begun here. Below the middleware it forgets what the request has recorded.
 *
 * @example initUsageContext();
 */
export function initUsageContext(): void {
  const context = storage.getStore();
  if (context?.isCharged) context.take();
  else storage.enterWith(new UsageContext());
}

/**
 * Runs a function in a usage context of its own and answers its result. Everything asynchronous that it begins records
 * there: awaited calls, timers, streams. What it records is not recorded in a context around it.
 *
 * @example
 * const usages = await runWithUsageContext(async () => {
 *   await answerQuestion(); // it calls addLlmUsage
 *   return takeLlmUsagesAndClear();
 * });
 */
export function runWithUsageContext<T>(run: () => T): T {
  return new UsageContext().run(run);
}

/**
 * Records a model call in the usage context of the request or job. Below the middleware `creditDeduction` the costs are
 * charged when the answer is over, and the transaction lists the calls as `llm_usage`. Outside a context nothing is
 * recorded, and the process warns once. Metadata that is no valid metadata is left out; the cost still counts.
 *
 * @param usage `cost` is in credits, finite and ≥ 0, with any number of decimals
 * @throws INVALID_AMOUNT for another cost, AMOUNT_TOO_LARGE beyond 2^51 units, INVALID_ARGUMENT for a model or provider
 * that is no text. Nothing is recorded then.
 * @example addLlmUsage({ model: 'gpt-4o', provider: 'openai', cost: 0.05, metadata: { promptTokens: 100 } });
 */
export function addLlmUsage(usage: LlmUsage): void {
  if (typeof usage !== 'object' || usage === null) {
    throw notValid('usage', 'an object with model, provider and cost');
  }
  const [model, provider] = [parseId(usage.model, 'model'), parseId(usage.provider, 'provider')];
  const { cost, metadata } = usage;
  roundUpCredits(cost);
  const note = metadata === undefined ? null : metadataSchema.safeParse(metadata);
  const record = { model, provider, cost, ...(note?.success && { metadata: note.data }) };
  current('addLlmUsage')?.add(record);
}

/** The calls that this usage context has recorded, in order; none outside a context. The list is a copy. */
export function getLlmUsages(): LlmUsage[] {
  return current('getLlmUsages')?.list() ?? [];
}

/** Forgets what this usage context has recorded. Below the middleware it is not charged then. */
export function clearUsageContext(): void {
  current('clearUsageContext')?.take();
}

/** Answers what this usage context has recorded, and forgets it. Below the middleware it is not charged then. */
export function takeLlmUsagesAndClear(): LlmUsage[] {
  return current('takeLlmUsagesAndClear')?.take() ?? [];
}

/**
 * Data as indented JSON, for logs and for people. What JSON cannot hold is written as text.
 *
 * @example console.log(formatPrettyJson(getLlmUsages()));
 */
export function formatPrettyJson(data: unknown): string {
  const seen: unknown[] = [];
  const text = JSON.stringify(data, plain, 2);
  return text ?? String(data);

  function plain(this: unknown, _name: string, value: unknown): unknown {
    while (seen.length > 0 && seen.at(-1) !== this) seen.pop();
    if (typeof value === 'object' && value !== null) {
      if (seen.includes(value)) return '[circular]';
      seen.push(value);
    }
    return typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol'
      ? String(value)
      : value;
  }
}
