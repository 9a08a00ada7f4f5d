/** Streams of JetStream: which of our subjects none takes, and the one that is made for them. */
import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream';

/** Our subjects, and those of messages that were given up. */
const SUBJECTS = ['evt.credits.>', 'evt.subscription.>', 'evt.payment.>', 'evt.top_up.>', 'dlq.credits.>'] as const;
const NAME = 'CREDIT';
const NANOS_OF_A_SECOND = 1_000_000_000;

const CONFIG = {
  name: NAME,
  description: 'Events of credit-management',
  storage: 'file',
  max_age: 30 * 86_400 * NANOS_OF_A_SECOND,
  max_msgs: 1_000_000,
  duplicate_window: 120 * NANOS_OF_A_SECOND,
} as const;

/** The subjects that no stream takes. */
export async function uncovered(manager: JetStreamManager, subjects: readonly string[]): Promise<string[]> {
  const taken = await Promise.all(
    subjects.map(async (subject) => {
      const names = await manager.streams.names(subject).next();
      return names.length > 0;
    }),
  );
  return subjects.filter((_, i) => !taken[i]);
}

/**
 * Makes the stream `CREDIT` for the groups of subjects that no stream takes. One that is there is never changed.
 * Rejects with a sentence that names the remedy.
 */
export async function makeStream(manager: JetStreamManager, missing: readonly string[]): Promise<void> {
  const groups = SUBJECTS.filter((group) => {
    const prefix = group.slice(0, -1);
    return group.startsWith('dlq.') || missing.some((subject) => subject.startsWith(prefix));
  });
  const subjects = [...groups, ...missing.filter((subject) => !isIn(groups, subject))];
  try {
    await manager.streams.add({ ...CONFIG, subjects } as unknown as Partial<StreamConfig> & { name: string });
  } catch (error) {
    throw new Error(whyNot(error, missing), { cause: error });
  }
}

const isIn = (groups: readonly string[], subject: string) =>
  groups.some((group) => subject.startsWith(group.slice(0, -1)));

const OVERLAP = 10065;
const NAME_IN_USE = 10058;

function whyNot(error: unknown, missing: readonly string[]): string {
  const { code, message } = error as { code?: unknown; message?: string };
  const list = listOf(missing);
  if (code === OVERLAP) {
    return `The stream ${NAME} cannot be made, as its subjects overlap with another stream; add ${list} to that one.`;
  }
  if (code === NAME_IN_USE) {
    return `There is a stream ${NAME} that does not take ${list}; add them to it: it is not ours to change.`;
  }
  return `The stream ${NAME} for ${list} cannot be made: ${message}`;
}

/** The first few subjects, for a sentence. */
export function listOf(subjects: readonly string[]): string {
  const shown = subjects.slice(0, 3).join(', ');
  return subjects.length > 3 ? `${shown} and ${subjects.length - 3} more` : shown;
}
