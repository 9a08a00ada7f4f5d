/** Webhooks of payments under kill -9, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
await import('./kills.test.js');
