/** A server that dies, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
await import('./server.test.js');
