/** Every order of events, to processes that are killed, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
await import('./orders.test.js');
