/**
 * credit-management/testing: a manager for unit tests, and the conformance suites of the ports.
 * @module
 */

export { testCacheBackend } from './cache-backend.js';
export { type Duration, sequenceIds, type TestClock, testClock } from './clock.js';
export { testDbManager } from './db-manager.js';
export { type LedgerSinkUnderTest, testLedgerSink } from './ledger-sink.js';
export { type NotificationQueueTests, testNotificationQueue } from './notification-queue.js';
export type { TestApi } from './test-api.js';
export { createTestCredits, type TestCredits } from './test-credits.js';
