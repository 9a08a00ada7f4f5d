/** The ledger service: queries over entries, and verification and repair of the ledger's file. */
import { toCredits } from '../../core/amounts.js';
import { creditError } from '../../errors.js';
import { accountKey } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import { countSchema } from '../../models/inputs/access.js';
import type { ListOptions } from '../../models/inputs/credits.js';
import {
  auditTrailSchema,
  ledgerQuerySchema,
  rebuildSchema,
  reconcileSchema,
  verifySchema,
} from '../../models/inputs/ledger.js';
import type { JsonObject } from '../../models/values.js';
import type { LedgerSink } from '../../ports/ledger-sink.js';
import { ListCursors } from '../input/page.js';
import { parseId, parseOptions } from '../input/parse.js';
import type { Engine } from '../pipeline/engine.js';
import { type Along, RowReads } from '../pipeline/row-reads.js';
import { storageError } from '../store/storage-error.js';
import { auditTrail } from './audit-trail.js';
import type { LedgerEntry, LedgerService } from './contract.js';
import { LineIndex } from './file-lines.js';
import { lineOf, pagesOf, type ReadTools } from './pages.js';
import { Problems } from './problems.js';
import { verifyLedger } from './verify.js';

/** The timeout for each page that a long job reads. */
const PAGE_TIMEOUT_MS = 60_000;
/** A line has at most 256 KiB, so an append has at most 16 MiB. */
const LINES_PER_APPEND = 64;
const IN_TIME_ORDER = { index: 'time' };

export interface LedgerServiceParts<S> {
  readonly engine: Engine<S>;
  readonly sink: LedgerSink | null;
  /** Writes an entry for an act of the library itself. */
  readonly record: (message: string, details: JsonObject) => Promise<void>;
}

export function ledgerService<S>({ engine, sink, record }: LedgerServiceParts<S>): LedgerService {
  const { scale, store } = engine;
  const reads = new RowReads(engine);

  /** Runs a long job once the store is open. An aborted signal becomes `ABORTED`. */
  async function job<T>(signal: AbortSignal | undefined, run: (tools: JobTools) => Promise<T>): Promise<T> {
    await engine.read({ timeoutMs: PAGE_TIMEOUT_MS, signal }, () => null);
    const { ledgerId } = store.settings;
    try {
      return await run({ tables: store, sink, ledgerId, timeoutMs: PAGE_TIMEOUT_MS, signal });
    } catch (error) {
      if (!signal?.aborted) throw storageError(error);
      throw creditError('ABORTED', 'The call was aborted; what it did so far stands.', {}, { cause: error });
    }
  }

  return {
    async verify(options) {
      const { userId, signal, onProgress } = parseOptions(verifySchema, options);
      const progress = onProgress as ((done: number) => void) | undefined;
      return job(signal, (tools) =>
        verifyLedger(
          { ...tools, creditTypes: store.creditTypes, now: () => engine.now(), problems: new Problems() },
          { userId, onProgress: progress },
        ),
      );
    },

    async reconcile(options) {
      const { signal } = parseOptions(reconcileSchema, options);
      return job(signal, async (tools) => {
        const added = await appendMissing(tools, fileOf(tools.sink));
        if (added > 0) await record('Ledger file reconciled', { added });
        return { added };
      });
    },

    async rebuildFile(options) {
      const { signal, onProgress } = parseOptions(rebuildSchema, options);
      return job(signal, async (tools) => {
        const file = fileOf(tools.sink);
        let lines = 0;
        const replaced = await file.replace(
          (async function* () {
            for await (const entries of pagesOf(tools, 'entry', IN_TIME_ORDER)) {
              lines += entries.length;
              onProgress?.(lines);
              yield entries.map((entry) => lineOf(entry, tools.ledgerId));
            }
          })(),
        );
        // Entries that were committed meanwhile went to the old file.
        lines += await appendMissing(tools, file);
        await record('Ledger file rebuilt', { lines });
        return { lines, replaced };
      });
    },

    async auditTrail(userId, given) {
      const user = parseId(userId, 'userId');
      const options = parseOptions(auditTrailSchema, given);
      return auditTrail(
        { reads, ledgerId: () => store.settings.ledgerId, recordOf: (row) => toLedgerEntry(row, scale) },
        user,
        options,
      );
    },

    async countEntries(given) {
      const options = parseOptions(countSchema, given);
      return engine.read(options, (timeoutMs) => store.count('entry', IN_TIME_ORDER, { timeoutMs }));
    },
    async list(given) {
      const { signal, timeoutMs, limit, cursor, order, ...selected } = parseOptions(ledgerQuerySchema, given);
      const options = { signal, timeoutMs, limit, cursor, order };
      const cursors = new ListCursors('ledger.list', { creditType: 'credits', ...selected });
      const { rows, nextCursor } = await reads.page('entry', alongOf(selected), options, cursors);
      return { items: rows.map((row) => toLedgerEntry(row, scale)), nextCursor };
    },
  };
}

interface JobTools extends ReadTools {
  readonly ledgerId: string;
  readonly sink: LedgerSink | null;
}

function fileOf(sink: LedgerSink | null): LedgerSink {
  if (sink) return sink;
  const problem = 'ledger.filePath is not set';
  throw creditError('CONFIGURATION', `There is no ledger file to repair: ${problem}.`, { problems: [problem] });
}

/** Appends the lines of all entries that the file lacks, in the order of their instants. */
async function appendMissing(tools: JobTools, sink: LedgerSink): Promise<number> {
  const { ledgerId, signal } = tools;
  const index = new LineIndex(sink, ledgerId);
  await sink.flush();
  await index.readMore(signal);
  let added = 0;
  for await (const entries of pagesOf(tools, 'entry', IN_TIME_ORDER)) {
    const isMissing = ({ hash }: EntryRow) => !index.hashes.mark(hash ?? '');
    let missing = entries.filter(isMissing);
    if (missing.length === 0) continue;
    // This process or another may have written some of them meanwhile.
    await sink.flush();
    await index.readMore(signal);
    missing = missing.filter(isMissing);
    for (let from = 0; from < missing.length; from += LINES_PER_APPEND) {
      const lines = missing.slice(from, from + LINES_PER_APPEND).map((entry) => lineOf(entry, ledgerId));
      await Promise.all([sink.append(lines), sink.flush()]);
      added += lines.length;
    }
  }
  return added;
}

type Selected = Omit<ReturnType<typeof ledgerQuerySchema.parse>, keyof ListOptions | 'signal' | 'timeoutMs'>;

function alongOf({ userId, creditType = 'credits', correlationId, operationId, types, from, to }: Selected): Along {
  const along = types !== undefined && { anyOf: { field: 'type', values: types } };
  if (operationId !== undefined) return { index: 'operation', equals: { operationId }, ...along };
  const period = (from !== undefined || to !== undefined) && {
    range: {
      field: 'at',
      ...(from !== undefined && { gte: new Date(from) }),
      ...(to !== undefined && { lte: new Date(to) }),
    },
  };
  if (correlationId !== undefined) return { index: 'correlation', equals: { correlationId }, ...period, ...along };
  if (userId === undefined) return { index: 'time', ...period, ...along };
  return { index: 'history', equals: { account: accountKey(creditType, userId) }, ...period, ...along };
}

function toLedgerEntry(row: EntryRow, scale: number): LedgerEntry {
  return {
    id: row.id,
    eventType: row.eventType,
    type: row.type,
    operation: row.operation,
    operationId: row.operationId,
    userId: row.userId || null,
    creditType: row.creditType || null,
    seq: row.seq,
    message: row.message,
    amount: toCredits(row.amount, scale),
    delta: toCredits(row.delta, scale),
    balanceAfter: toCredits(row.balanceAfter, scale),
    availableAfter: toCredits(row.availableAfter, scale),
    correlationId: row.correlationId,
    actor: row.actor,
    reason: row.reason,
    description: row.description,
    metadata: structuredClone(row.metadata),
    details: structuredClone(row.details),
    createdAt: new Date(row.at),
    hash: row.hash,
  };
}
