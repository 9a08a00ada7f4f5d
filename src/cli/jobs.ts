/** Commands that run jobs, once or again and again. */
import type { JobOptions, JobReport, Jobs } from '../services/jobs/contract.js';
import { type CliCall, type CliCommand, countOf, EXIT, type Flags, progressOn, textOf } from './command.js';
import { pause, SCHEDULE_FLAGS, scheduleOf } from './schedule.js';

const FLAGS: Flags = {
  'as-of': { value: 'instant', help: 'process what was due by this instant (ISO 8601); default now' },
  'batch-size': { value: 'rows', help: 'rows at a time; each job has its own default' },
  'max-seconds': { value: 'seconds', help: 'stop between two batches after this; default 600' },
};

const WITHIN: Flags = { 'within-days': { value: 'days', help: 'default 7' } };

type Verb = Exclude<keyof Jobs, 'runAll'>;

const JOBS: Readonly<Record<string, { readonly verb: Verb; readonly help: string; readonly flags?: Flags }>> = {
  expire: { verb: 'runExpiration', help: 'write which credits and holds have expired, on every account' },
  allocate: { verb: 'runAllocation', help: 'renew subscriptions and cycles' },
  'holds expire': { verb: 'runReservationExpiry', help: 'end reservations whose time is over' },
  notify: { verb: 'runExpiringNotifications', help: 'tell users of credits that will lapse', flags: WITHIN },
  outbox: { verb: 'runOutbox', help: 'deliver waiting events to CREDIT_WEBHOOK_URL' },
};

function optionsOf(
  call: CliCall,
  progress: ReturnType<typeof progressOn>,
): JobOptions & { withinDays: number | undefined } {
  const seconds = countOf(call, 'max-seconds');
  return {
    asOf: textOf(call, 'as-of'),
    batchSize: countOf(call, 'batch-size'),
    withinDays: countOf(call, 'within-days'),
    maxDurationMs: seconds === undefined ? undefined : seconds * 1000,
    signal: call.io.signal,
    onProgress: ({ job, processed }) => progress.tell(`${job}: ${processed}`),
  };
}

function linesOf(report: JobReport): string[] {
  const { job, status, processed, delivered, skippedCount, skipped, durationMs } = report;
  const { granted, rolledOver, activated, expired, freed } = report;
  const counts = [
    `${processed} processed`,
    ...(granted > 0 ? [`${granted} credits granted`] : []),
    ...(rolledOver > 0 ? [`${rolledOver} credits rolled over`] : []),
    ...(activated > 0 ? [`${activated} credits became effective`] : []),
    ...(expired > 0 ? [`${expired} credits expired`] : []),
    ...(freed > 0 ? [`${freed} credits freed by holds`] : []),
    ...(delivered > 0 ? [`${delivered} delivered`] : []),
    ...(skippedCount > 0 ? [`${skippedCount} skipped`] : []),
  ];
  const first = `${job}: ${status}, ${counts.join(', ')}, ${durationMs} ms`;
  return [first, ...skipped.map(({ id, code, message }) => `  ${id} ${code}: ${message}`)];
}

/** The exit code of reports. A job that another process runs counts as done; a stopped one, or skipped rows, do not. */
function exitOf(reports: readonly JobReport[]): number {
  const isDone = reports.every(({ status, skippedCount }) => status !== 'stopped' && skippedCount === 0);
  return isDone ? EXIT.done : EXIT.problems;
}

const once = Object.entries(JOBS).map(
  ([name, { verb, help, flags = {} }]): CliCommand => ({
    ...{ name, args: [], help, flags: { ...FLAGS, ...flags } },
    async run(call) {
      const { jobs } = await call.open();
      const progress = progressOn(call.io);
      const report: JobReport = await jobs[verb](optionsOf(call, progress)).finally(progress.end);
      call.print(report, () => linesOf(report));
      return exitOf([report]);
    },
  }),
);

const run: CliCommand = {
  name: 'run',
  args: [],
  help: 'run all jobs, again and again until stopped (SIGINT, SIGTERM)',
  flags: { ...FLAGS, ...SCHEDULE_FLAGS },
  async run(call) {
    const schedule = await scheduleOf(call);
    const { jobs } = await call.open();
    const { signal } = call.io;
    const wait = async () => {
      const ms = schedule.msToNext();
      if (ms !== null) await pause(ms, signal);
      return ms !== null && !signal.aborted;
    };
    let code: number = EXIT.done;
    let goesOn = call.flags.once === true || !schedule.waitsFirst || (await wait());
    while (goesOn) {
      for (const { verb } of Object.values(JOBS)) {
        const progress = progressOn(call.io);
        const report: JobReport = await jobs[verb](optionsOf(call, progress)).finally(progress.end);
        if (report.processed > 0 || report.skippedCount > 0 || call.flags.once) {
          call.print(report, () => linesOf(report));
        }
        code = Math.max(code, exitOf([report]));
      }
      goesOn = call.flags.once !== true && !signal.aborted && (await wait());
    }
    // The user stopped it: the remaining work waits for the next start.
    return signal.aborted ? EXIT.done : code;
  },
};

export const jobCommands: readonly CliCommand[] = [...once, run];
