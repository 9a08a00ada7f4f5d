/** The schedule of `run`: its rounds begin after a pause, or when a cron pattern says. */
import { creditError } from '../errors.js';
import { type CliCall, countOf, type Flags, textOf, UsageError } from './command.js';

export const SCHEDULE_FLAGS: Flags = {
  every: { value: 'seconds', help: 'pause between two rounds; default 60' },
  cron: { value: 'pattern', help: 'begin rounds by a pattern instead, as "*/5 * * * *"; needs croner' },
  zone: { value: 'zone', help: 'IANA time zone of --cron; default the zone of this process' },
  once: { help: 'run one round now and stop' },
};

/** The longest time that a timer can wait. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export interface Schedule {
  /** Whether the first round waits too. */
  readonly waitsFirst: boolean;
  /** The milliseconds until the next round; null when there are no more rounds. */
  msToNext(): number | null;
}

/** @throws UsageError for an invalid pattern; CONFIGURATION when croner is not installed. */
export async function scheduleOf(call: CliCall): Promise<Schedule> {
  const [every, pattern, timezone] = [countOf(call, 'every'), textOf(call, 'cron'), textOf(call, 'zone')];
  if (every !== undefined && every < 1) throw new UsageError('--every must be at least 1.');
  if (pattern !== undefined && every !== undefined) throw new UsageError('Give --every or --cron, not both.');
  if (pattern === undefined) {
    if (timezone !== undefined) throw new UsageError('--zone needs --cron.');
    return { waitsFirst: false, msToNext: () => (every ?? 60) * 1000 };
  }
  const { Cron } = await import('croner').catch((cause: unknown) => {
    const problem = 'the package croner is not installed: npm install croner';
    throw creditError('CONFIGURATION', `--cron cannot be used: ${problem}.`, { problems: [problem] }, { cause });
  });
  try {
    const cron = new Cron(pattern, { ...(timezone !== undefined && { timezone }) });
    cron.msToNext();
    return { waitsFirst: true, msToNext: () => cron.msToNext() };
  } catch (error) {
    throw new UsageError(`--cron: ${(error as Error).message}`);
  }
}

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; left > 0 && !signal.aborted; left -= TIMER_MAX_MS) {
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(left, TIMER_MAX_MS));
      signal.addEventListener('abort', end);
    });
  }
}
