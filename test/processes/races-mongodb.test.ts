/** The races of processes, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
process.env.CREDIT_RACES ||= '2';
await import('./races.test.js');
