/** The job of payments: it makes good what webhooks missed, under a lease, and deletes old messages and receipts. */
import type { ReconcileReport } from '../../models/records/payment.js';
import type { Engine } from '../pipeline/engine.js';
import type { JobOptions, PaymentsJobReport } from './contract.js';
import { LEASE_MS, Lease } from './lease.js';
import { timedJob } from './timed-job.js';

const DAY_MS = 24 * 3600 * 1000;

/** The work of the job, as the service of payments does it. */
export interface PaymentWork {
  run(options: {
    readonly signal?: AbortSignal | undefined;
    /** Called before each row; the run ends where it answers false. */
    readonly goOn?: () => Promise<boolean>;
  }): Promise<ReconcileReport & { readonly isCut?: boolean }>;
  deleteBefore(before: Date, signal: AbortSignal | undefined): Promise<number>;
  hasProviders(): boolean;
}

interface PaymentsJobParts {
  readonly payments: PaymentWork;
  readonly inbox: Pick<PaymentWork, 'deleteBefore'>;
  readonly messageDays: number;
}

const NOTHING = { processed: 0, skippedCount: 0, skipped: [] as const, changed: 0, waiting: 0, deleted: 0 };

export function paymentsJob<S>(
  engine: Engine<S>,
  options: JobOptions | undefined,
  { payments, inbox, messageDays }: PaymentsJobParts,
): Promise<PaymentsJobReport> {
  return timedJob(engine, 'payments', options, {
    nothing: { status: 'stopped', ...NOTHING },
    walk: async ({ signal, maxDurationMs = Number.POSITIVE_INFINITY }) => {
      const lease = new Lease(engine.store, 'payments', engine.newId(), () => engine.now());
      if (!(await lease.take())) return { status: 'lease_held_elsewhere' as const, ...NOTHING };
      const began = engine.now();
      let taken = began;
      const goOn = async () => {
        const now = engine.now();
        if (now - began > maxDurationMs) return false;
        if (now - taken < LEASE_MS / 3) return true;
        taken = now;
        return lease.take();
      };
      try {
        const { checked, changed, waiting, skippedCount, skipped, isCut } = await payments.run({ signal, goOn });
        const before = new Date(engine.now() - messageDays * DAY_MS);
        let deleted = 0;
        if (!isCut) for (const kept of [payments, inbox]) deleted += await kept.deleteBefore(before, signal);
        const counts = { processed: checked, changed, waiting, deleted };
        return { status: isCut ? 'stopped' : 'completed', ...counts, skippedCount, skipped } as const;
      } finally {
        await lease.release();
      }
    },
  });
}
