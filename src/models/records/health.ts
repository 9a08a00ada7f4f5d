/** Health: the answer for a readiness probe. */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { count, instant } from './fields.js';

const component = z.enum(['up', 'down', 'disabled']);

export const HealthSchema = strictObject({
  /**
   * `unhealthy` without the database; `degraded` while the ledger file or the cache fails, where the database is older
   * than the file, where settings differ, where nobody delivers events, and where a sink or a source cannot work.
   */
  status: z
    .enum(['healthy', 'degraded', 'unhealthy'])
    .describe(
      '`unhealthy` without the database; `degraded` while the ledger file or the cache fails, where the database ' +
        'is older than the file, where settings differ, where nobody delivers events, and where a sink or a source ' +
        'cannot work.',
    ),
  /** The parts of the manager, one by one. */
  components: strictObject({
    /** Whether the database answered. */
    database: component.describe('Whether the database answered.'),
    /** Whether the ledger file could be written; disabled without one. */
    ledgerFile: component.describe('Whether the ledger file could be written; disabled without one.'),
    /** Whether the cache answered; disabled without one. */
    cache: component.describe('Whether the cache answered; disabled without one.'),
    /** Whether every sink and source can work; disabled without any. */
    messaging: component.describe('Whether every sink and source can work; disabled without any.'),
  })
    .readonly()
    .describe('The parts of the manager, one by one.'),
  /** Whether the database lacked entries of the ledger file's last lines when the process started. */
  isDatabaseOlder: z
    .boolean()
    .describe("Whether the database lacked entries of the ledger file's last lines when the process started."),
  /** Null without a file; `lag` counts entries committed by this process that the file does not have yet. */
  ledgerFile: strictObject({
    /** Whether it can be written. */
    state: z.enum(['up', 'degraded']).describe('Whether it can be written.'),
    /** Entries committed by this process that the file does not have yet. */
    lag: count.describe('Entries committed by this process that the file does not have yet.'),
  })
    .readonly()
    .nullable()
    .describe('Null without a file; `lag` counts entries committed by this process that the file does not have yet.'),
  /** Settings that this process states with another value than the database has, which is in force. */
  differingSettings: z
    .array(z.string())
    .readonly()
    .describe('Settings that this process states with another value than the database has, which is in force.'),
  /** Sinks whose events wait and nobody delivers, and `notifications`; `waitingSince` is when this process saw it. */
  undelivered: z
    .array(
      strictObject({
        receiver: z.string().describe('The name of the sink; `notifications` for the queue.'),
        waitingSince: instant.describe('The instant at which this process first saw the event that waits.'),
      }).readonly(),
    )
    .readonly()
    .describe(
      'Sinks whose events wait and nobody delivers, and `notifications`; `waitingSince` is when this process saw it.',
    ),
  /** Sinks that say that they cannot take events, each with what to do. */
  sinkProblems: z
    .array(
      strictObject({
        sink: z.string().describe('The name of the sink.'),
        problem: z.string().describe('What keeps it from taking events, and what to do.'),
      }).readonly(),
    )
    .readonly()
    .describe('Sinks that say that they cannot take events, each with what to do.'),
  /** Sources that say that they get no messages, each with what to do. */
  sourceProblems: z
    .array(
      strictObject({
        source: z.string().describe('The name of the source.'),
        problem: z.string().describe('What keeps it from getting messages, and what to do.'),
      }).readonly(),
    )
    .readonly()
    .describe('Sources that say that they get no messages, each with what to do.'),
  /** Access statuses that this process answered without knowing the account. */
  unavailableStatuses: count.describe('Access statuses that this process answered without knowing the account.'),
});
export interface Health extends Readonly<z.infer<typeof HealthSchema>> {}
