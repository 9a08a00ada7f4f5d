/** The metrics of the library: what each counts, and its labels. No label comes from a user but `merchant_id`. */

interface Notes {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Of a histogram: the upper bounds of its buckets. */
  readonly buckets?: readonly number[];
  /** Of a gauge about the database, which several managers tell alike; those of processes are added up. */
  readonly isShared?: true;
}

const SECONDS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const JOB_SECONDS = [0.01, 0.1, 1, 10, 60, 300, 600];
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500];

export const METRICS = {
  credits_operations_total: {
    ...{ type: 'counter', labels: ['verb', 'outcome'] },
    help: 'Mutations by verb, and by "ok" or the code of the error; repetitions of a key are not counted',
  },
  credits_transaction_processing_seconds: {
    ...{ type: 'histogram', labels: ['verb'], buckets: SECONDS },
    help: 'Seconds from the call of a mutation to its answer, without repetitions of a key',
  },
  credits_transactions_total: {
    ...{ type: 'counter', labels: ['type', 'reference_type'] },
    help: 'Transactions that were committed, by type, and by the known reference type of their metadata',
  },
  credits_balance_total: {
    ...{ type: 'gauge', labels: ['merchant_id'] },
    help: 'The balance of an account after its last commit in this process, of so many accounts at most',
  },
  credits_balance_updated_total: {
    ...{ type: 'counter', labels: [] },
    help: 'Account states that were committed',
  },
  credits_balance_left_out_total: {
    ...{ type: 'counter', labels: [] },
    help: 'Account states that were committed and have no series of their own',
  },
  credits_commit_group_size: {
    ...{ type: 'histogram', labels: [], buckets: SIZES },
    help: 'Operations that one unit of a commit held',
  },
  credits_commit_conflicts_total: {
    ...{ type: 'counter', labels: [] },
    help: 'Commits that found their account changed by another process',
  },
  credits_locked_commits_total: {
    ...{ type: 'counter', labels: [] },
    help: 'Groups that were decided under a lock after repeated conflicts',
  },
  credits_operations_waiting: { type: 'gauge', labels: [], help: 'Mutations that wait or are under way' },
  credits_accounts_remembered: { type: 'gauge', labels: [], help: 'Accounts whose last state the process remembers' },
  credits_cache_reads_total: {
    ...{ type: 'counter', labels: ['result'] },
    help: 'Reads of the cache: hit, miss or failure',
  },
  credits_plugin_status_checks_total: {
    ...{ type: 'counter', labels: ['status'] },
    help: 'Access statuses that were answered: enabled or disabled',
  },
  credits_plugin_status: {
    ...{ type: 'gauge', labels: ['status'], isShared: true },
    help: 'Accounts that may be served, and those that may not; at most 60 seconds old',
  },
  credits_merchants_zero_balance: {
    ...{ type: 'gauge', labels: [], isShared: true },
    help: 'Accounts with nothing available; at most 60 seconds old',
  },
  credits_events_published_total: {
    ...{ type: 'counter', labels: ['event_type'] },
    help: 'Events that a sink has taken',
  },
  credits_outbox_pending: {
    ...{ type: 'gauge', labels: ['sink'], isShared: true },
    help: 'Events that wait for a sink; at most 10 seconds old',
  },
  credits_outbox_oldest_seconds: {
    ...{ type: 'gauge', labels: ['sink'], isShared: true },
    help: 'How long the oldest event has waited for a sink, among the first 200; at most 10 seconds old',
  },
  credits_outbox_failed: {
    ...{ type: 'gauge', labels: ['sink'], isShared: true },
    help: 'Events that a sink refused too often; at most 10 seconds old',
  },
  credits_inbox_messages_total: {
    ...{ type: 'counter', labels: ['result'] },
    help: 'Messages of other systems: applied, replayed, dead_lettered, or failed and told again',
  },
  credits_job_seconds: {
    ...{ type: 'histogram', labels: ['job'], buckets: JOB_SECONDS },
    help: 'Seconds that a run of a job took',
  },
  credits_job_skipped_total: { type: 'counter', labels: ['job'], help: 'Rows that a job left for its next run' },
  credits_ledger_file_lag: { type: 'gauge', labels: [], help: 'Committed entries that the ledger file lacks' },
  credits_event_loop_delay_seconds: {
    ...{ type: 'gauge', labels: [] },
    help: 'The 99th percentile of the delay of the event loop since the last look',
  },
  http_requests_total: {
    ...{ type: 'counter', labels: ['service', 'method', 'endpoint', 'status'] },
    help: 'Requests by method, template of the route, and status',
  },
  http_request_duration_seconds: {
    ...{ type: 'histogram', labels: ['service', 'method', 'endpoint'], buckets: SECONDS },
    help: 'Seconds from a request to its answer',
  },
  http_requests_in_progress: { type: 'gauge', labels: ['service'], help: 'Requests under way' },
} as const satisfies Readonly<Record<string, Notes>>;

export type MetricName = keyof typeof METRICS;
export type MetricNotes = Notes;
