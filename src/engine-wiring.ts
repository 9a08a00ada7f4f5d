/** Wires the engine of a manager: store, pipeline, the followers of a commit, and their shared parts. */

import { Measures } from './measures.js';
import type { SinkValue } from './models/system.js';
import type { EventSink } from './ports/event-sink.js';
import type { ResolvedOptions } from './resolve-options.js';
import { statusPublisher } from './services/credits/access.js';
import { BalanceCache } from './services/credits/balance-cache.js';
import type { LedgerService } from './services/ledger/contract.js';
import { compareEnds, isWritten } from './services/ledger/file-age.js';
import { LedgerMirror } from './services/ledger/mirror.js';
import { ledgerService } from './services/ledger/service.js';
import { AfterCommit } from './services/pipeline/after-commit.js';
import type { DecisionSettings } from './services/pipeline/context.js';
import { Engine } from './services/pipeline/engine.js';
import { type AnswerListener, Pipeline } from './services/pipeline/pipeline.js';
import { Tracing } from './services/pipeline/tracing.js';
import { Store } from './services/store/store.js';

export interface WiredEngine<S> {
  readonly store: Store<S>;
  readonly settings: () => DecisionSettings;
  readonly pipeline: Pipeline<S>;
  readonly engine: Engine<S>;
  readonly ledger: LedgerService;
  readonly mirror: LedgerMirror | null;
  readonly cache: BalanceCache | null;
  readonly afterCommit: AfterCommit;
  readonly measures: Measures<S> | null;
  readonly tracing: Tracing | null;
}

export function wireEngine<S>(options: ResolvedOptions<S>): WiredEngine<S> {
  const { metrics, tracer, db, creditScale, sinks, queue, stated, clock, ids, logger, timeoutMs, ttlSeconds } = options;
  const store: Store<S> = new Store<S>({
    ...{ db, creditScale, stated, clock, ids, logger },
    ...{ sinks: sinks.map(sinkValue), queue: queue !== null },
    opened: async ({ ledgerId }) => mirror?.compare(ledgerId),
    recorded: (entry) => void mirror?.append([entry]),
  });
  const record = store.record.bind(store);
  const { sink, isRequired, refuseOlder } = options.ledger;
  const mirror: LedgerMirror | null =
    sink &&
    new LedgerMirror({
      ...{ sink, refuse: isRequired, refuseOlder, logger, record },
      reconcile: (signal) => ledger.reconcile({ signal }),
      compareEnds: (id) => compareEnds({ tables: store, timeoutMs, signal: undefined }, sink, id),
      isWritten: (hashes) => isWritten(sink, store.settings.ledgerId, hashes),
    });
  const ledgerId = () => store.settings.ledgerId;
  const { ttlMs, publish } = options.access;
  const published = publish
    ? statusPublisher({ scale: creditScale, ttlMs, now: () => store.time.nowForReports() })
    : () => null;
  const cache =
    options.cache && new BalanceCache({ ...options.cache, logger, ledgerId, now: () => store.time.now(), published });
  const measures =
    metrics && new Measures<S>(metrics, { scale: creditScale, logger, now: () => store.time.nowForReports() });
  const tracing = tracer && new Tracing(tracer, logger);
  const afterCommit = new AfterCommit(
    [mirror, cache, measures].filter((follower) => follower !== null),
    logger,
  );
  const settings = (): DecisionSettings => ({
    now: store.time.now,
    scale: creditScale,
    ledgerId: store.settings.ledgerId,
    limits: store.limits,
    allEvents: store.settings.events === 'all',
    eventMetadata: store.settings.eventMetadata === true,
    defaultsOf: store.defaultsOf,
    temporal: options.temporal,
    sinks: store.sinks.wanted,
    queue: store.sinks.hasQueue,
    notifyErrors: options.notifyErrors,
    errorEntries: options.ledger.errors,
    followsEntries: mirror !== null || measures !== null,
  });
  const admit = (session?: S) => {
    const [learning, ready] = [store.upToDate(session), mirror?.ready() ?? null];
    return learning && ready ? Promise.all([learning, ready]).then(() => {}) : (learning ?? ready);
  };
  const committed = afterCommit.committed.bind(afterCommit);
  const pipeline = new Pipeline<S>({
    ...{ store, settings, ids, committed, admit, ...options.pipeline },
    ...{ tracing, answered: both(measures?.answered, tracing?.answered) },
  });
  const engine = new Engine<S>({
    ...{ store, pipeline, settings, ids, logger, admit, timeoutMs, ttlSeconds },
    ...{ scale: creditScale, ownIds: options.hasOwnIds, tracing },
  });
  const ledger = ledgerService({ engine, sink, record });
  return { store, settings, pipeline, engine, ledger, mirror, cache, afterCommit, measures, tracing };
}

/** Tells both listeners, or the one that there is; null without any. */
function both(one: AnswerListener | undefined, other: AnswerListener | undefined): AnswerListener | null {
  if (!one || !other) return one ?? other ?? null;
  return (operation, error) => {
    one(operation, error);
    other(operation, error);
  };
}

/** A sink as the database keeps it. The order in which a process lists its types says nothing. */
function sinkValue({ name, types }: EventSink): SinkValue {
  return { name, ...(types && { types: [...new Set(types)].sort() }) };
}
