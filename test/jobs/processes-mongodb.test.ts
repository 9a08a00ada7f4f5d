/** Several processes at once, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
process.env.CREDIT_DUE ||= '400';
await import('./processes.test.js');
