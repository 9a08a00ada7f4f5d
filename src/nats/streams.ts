/** Streams of JetStream: which subjects none takes, and those that are made for them. */
import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream';

/** Our subjects, and those of messages that nothing could be done with. */
const SUBJECTS = ['evt.credits.>', 'evt.subscription.>', 'evt.payment.>', 'evt.top_up.>', 'dlq.credits.>'] as const;
const NAME = 'CREDIT';
/** The stream of subjects of others. */
const NAME_IN = `${NAME}_IN`;
const NANOS_OF_A_SECOND = 1_000_000_000;

const CONFIG = {
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

/** The stream that takes a subject; null where none does. */
export async function streamOf(manager: JetStreamManager, subject: string): Promise<string | null> {
  const [name = null] = await manager.streams.names(subject).next();
  return name;
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
  await add(manager, { name: NAME, description: 'Events of credit-management', subjects }, missing);
}

const DESCRIPTION_IN = 'Messages for credit-management';

/**
 * Makes streams for subjects that are consumed and that no stream takes: `CREDIT` for those of ours, `CREDIT_IN` for
 * those of others. Only a `CREDIT_IN` that was made here gets more subjects later. Rejects as {@link makeStream}.
 */
export async function makeStreamsIn(manager: JetStreamManager, subjects: readonly string[]): Promise<void> {
  const missing = await uncovered(manager, subjects);
  const own = missing.filter((subject) => isIn(SUBJECTS, subject));
  const others = missing.filter((subject) => !isIn(SUBJECTS, subject));
  // A sink that comes later finds in it what it needs.
  if (own.length > 0) await makeStream(manager, [...own, ...(await uncovered(manager, SUBJECTS.map(inGroup)))]);
  if (others.length === 0) return;
  const known = await manager.streams.info(NAME_IN).catch(() => null);
  if (known?.config.description === DESCRIPTION_IN) {
    const all = [...new Set([...known.config.subjects, ...others])];
    await manager.streams.update(NAME_IN, { subjects: all });
  } else {
    await add(manager, { name: NAME_IN, description: DESCRIPTION_IN, subjects: others }, others);
  }
}

async function add(
  manager: JetStreamManager,
  stream: { readonly name: string; readonly description: string; readonly subjects: readonly string[] },
  missing: readonly string[],
): Promise<void> {
  try {
    await manager.streams.add({ ...CONFIG, ...stream } as unknown as Partial<StreamConfig> & { name: string });
  } catch (error) {
    throw new Error(whyNot(error, stream.name, missing), { cause: error });
  }
}

/** A subject of a group. */
const inGroup = (group: string) => `${group.slice(0, -1)}any`;

const isIn = (groups: readonly string[], subject: string) =>
  groups.some((group) => subject.startsWith(group.slice(0, -1)));

const OVERLAP = 10065;
const NAME_IN_USE = 10058;

function whyNot(error: unknown, name: string, missing: readonly string[]): string {
  const { code, message } = error as { code?: unknown; message?: string };
  const list = listOf(missing);
  if (code === OVERLAP) {
    return `The stream ${name} cannot be made, as its subjects overlap with another stream; add ${list} to that one.`;
  }
  if (code === NAME_IN_USE) {
    return `There is a stream ${name} that does not take ${list}; add them to it: it is not ours to change.`;
  }
  return `The stream ${name} for ${list} cannot be made: ${message}`;
}

/** The first few subjects, for a sentence. */
export function listOf(subjects: readonly string[]): string {
  const shown = subjects.slice(0, 3).join(', ');
  return subjects.length > 3 ? `${shown} and ${subjects.length - 3} more` : shown;
}
