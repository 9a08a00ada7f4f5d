/** Publishers to NATS that are killed, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
await import('./kills.test.js');
