/** A server that loses commits, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
await import('./failover.test.js');
