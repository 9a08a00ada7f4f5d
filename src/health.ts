/** The health of a manager: its parts are asked side by side; the ledger file answers how its last use went. */
import type { WiredEngine } from './engine-wiring.js';
import type { Health } from './models/records/health.js';
import type { EventSink } from './ports/event-sink.js';
import type { MessageSource } from './ports/message-source.js';
import type { ForgottenRelay } from './services/outbox/forgotten-relay.js';
import { monotonicNow, withDeadline } from './timers.js';

/** Milliseconds that each part has. */
const PROBE_MS = 1_000;

export async function healthOf<S>(
  { store, mirror, cache }: WiredEngine<S>,
  forgotten: ForgottenRelay<S>,
  unavailableStatuses: number,
  { sinks, sources }: { readonly sinks: readonly EventSink[]; readonly sources: readonly MessageSource[] },
): Promise<Health> {
  const began = monotonicNow();
  const pinged = store.db.ping({ timeoutMs: PROBE_MS }).then(
    () => true,
    () => false,
  );
  const [isUp, isCacheUp, unready] = await Promise.all([
    pinged,
    cache?.answers(PROBE_MS) ?? true,
    Promise.all(sinks.map(async (sink) => ((await isReady(sink)) ? null : sink.name))),
  ]);
  const ledgerFile = mirror?.health() ?? null;
  const isFileUp = ledgerFile?.state !== 'degraded';
  const isDatabaseOlder = mirror?.isAhead ?? false;
  const { differingSettings } = store;
  if (isUp) await forgotten.look(Math.max(1, PROBE_MS - (monotonicNow() - began)));
  const { undelivered } = forgotten;
  const sinkProblems = sinks.flatMap((sink) => {
    const problem = problemOf(sink) ?? (unready.includes(sink.name) ? 'It cannot be reached.' : null);
    return problem === null ? [] : [{ sink: sink.name, problem }];
  });
  const sourceProblems = sources.flatMap((source) => {
    const problem = problemOf(source);
    return problem === null ? [] : [{ source: source.name, problem }];
  });
  const isAsIntended = [differingSettings, undelivered, sinkProblems, sourceProblems].every(
    ({ length }) => length === 0,
  );
  const hasMessaging = sinks.length + sources.length > 0;
  const isMessagingUp = sinkProblems.length + sourceProblems.length === 0;
  const isWell = isFileUp && isCacheUp && !isDatabaseOlder && isAsIntended;
  return {
    status: !isUp ? 'unhealthy' : isWell ? 'healthy' : 'degraded',
    components: {
      database: isUp ? 'up' : 'down',
      ledgerFile: mirror ? (isFileUp ? 'up' : 'down') : 'disabled',
      cache: cache ? (isCacheUp ? 'up' : 'down') : 'disabled',
      messaging: hasMessaging ? (isMessagingUp ? 'up' : 'down') : 'disabled',
    },
    isDatabaseOlder,
    ledgerFile,
    differingSettings,
    undelivered,
    sinkProblems,
    sourceProblems,
    unavailableStatuses,
  };
}

/** Whether a sink says in time that it can be reached; one that cannot tell is asked for its problem alone. */
async function isReady(sink: EventSink): Promise<boolean> {
  if (!sink.isReady) return true;
  const late = () => new Error('It did not tell in time.');
  return withDeadline((async () => Boolean(await sink.isReady?.()))(), PROBE_MS, late).catch(() => false);
}

/** It may be the host's own, and health has to be told whatever it does. */
function problemOf(part: Pick<EventSink, 'problem'>): string | null {
  try {
    return part.problem?.() ?? null;
  } catch (error) {
    return `It cannot tell its problem: ${String(error)}`;
  }
}
