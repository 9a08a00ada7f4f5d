/**
 * credit-management/testing: a manager for unit tests, and the conformance suites of the ports.
 * @module
 */

export { testCacheBackend } from '../testing/cache-backend.js';
export { type Duration, sequenceIds, type TestClock, testClock } from '../testing/clock.js';
export { testDbManager } from '../testing/db-manager/index.js';
export { FakeOutbox, type FakeWebhook } from '../testing/fake-outbox.js';
export { FakeProvider, type FakeProviderOptions, fakeProvider } from '../testing/fake-provider.js';
export type { FakeFault } from '../testing/fake-requests.js';
export { type LedgerSinkUnderTest, testLedgerSink } from '../testing/ledger-sink.js';
export { type NotificationQueueTests, testNotificationQueue } from '../testing/notification-queue.js';
export { type PaymentProviderTests, testPaymentProvider } from '../testing/payment-provider.js';
export type { PaymentProviderUnderTest, SignedWebhook } from '../testing/payment-provider-contract.js';
export { testRateLimiter } from '../testing/rate-limiter.js';
export type { SkippedTests, TestApi } from '../testing/test-api.js';
export { createTestCredits, type TestCredits, type TestCreditsOptions } from '../testing/test-credits.js';
