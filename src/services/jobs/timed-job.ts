/** Runs a job that has a walk of its own, and completes its report with the fields that every job's report has. */
import { jobSchema } from '../../models/inputs/plans.js';
import type { Skipped } from '../../models/records/run.js';
import { monotonicNow } from '../../timers.js';
import { parseOptions } from '../input/parse.js';
import type { OutboxOptions } from '../outbox/contract.js';
import { onAbort } from '../pipeline/abort-listeners.js';
import type { Engine } from '../pipeline/engine.js';
import type { JobName, JobOptions, JobReport } from './contract.js';
import { NOTHING_MOVED } from './moved.js';
import { DURATION_MAX_MS, skippedRow } from './sweep.js';

const BATCH_MAX = 1_000;

/** The fields that a walk's report shares with every job's report. */
type Shared = Pick<JobReport, 'status' | 'processed' | 'skippedCount' | 'skipped'> & Partial<JobReport>;

/** Runs the walk, at most `maxDurationMs` long. `nothing` is the report of a walk that could not begin. */
export async function timedJob<S, J extends JobName, R extends Shared>(
  engine: Engine<S>,
  job: J,
  given: JobOptions | undefined,
  { walk, nothing }: { readonly walk: (options: OutboxOptions) => Promise<R>; readonly nothing: R },
): Promise<JobReport<J> & R> {
  const { batchSize, maxDurationMs = DURATION_MAX_MS, signal, onProgress } = parsed(given);
  const tell = onProgress as JobOptions['onProgress'];
  const began = monotonicNow();
  const failures: Skipped[] = [];
  const failed = new AbortController();
  const stop = (error: unknown) => {
    failures.push(skippedRow(engine, job, '', error));
    failed.abort();
  };
  const options = {
    ...{ maxDurationMs, signal: failed.signal },
    batchSize: batchSize === undefined ? undefined : Math.min(batchSize, BATCH_MAX),
    ...(tell && {
      onProgress: async ({ processed }: { processed: number }) => {
        await (async () => tell({ job, processed, remaining: null }))().catch(stop);
      },
    }),
  };
  const forget = signal && onAbort(signal, () => failed.abort(signal.reason));
  await engine.read({}, () => {}).catch(stop);
  const startedAt = new Date(engine.nowForReports()).toISOString();
  const own = failures.length > 0 ? nothing : ((await walk(options).catch(stop)) ?? nothing);
  forget?.();
  const durationMs = Math.round(monotonicNow() - began);
  const report = { job, ...NOTHING_MOVED, delivered: 0, startedAt, durationMs, ...own };
  if (failures.length === 0) return report;
  const skippedCount = report.skippedCount + failures.length;
  return { ...report, status: 'stopped', skippedCount, skipped: [...report.skipped, ...failures] };
}

function parsed(given: JobOptions | undefined) {
  return parseOptions(jobSchema, given);
}
