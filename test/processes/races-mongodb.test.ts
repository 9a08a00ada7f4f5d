/** The races of processes, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
process.env.CREDIT_RACE_SECONDS ||= '0.8';
await import('./races.test.js');
