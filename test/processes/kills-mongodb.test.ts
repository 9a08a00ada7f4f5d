/** Workers that are killed, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
process.env.CREDIT_KILLS ||= '4';
await import('./kills.test.js');
