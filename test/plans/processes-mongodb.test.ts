/** Several processes at once, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
await import('./processes.test.js');
