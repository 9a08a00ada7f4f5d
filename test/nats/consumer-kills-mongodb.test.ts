/** Consumers of NATS that are killed, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
await import('./consumer-kills.test.js');
