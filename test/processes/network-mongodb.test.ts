/** Networks that fail, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
await import('./network.test.js');
