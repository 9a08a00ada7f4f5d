/** Many due rows, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
await import('./volume.test.js');
