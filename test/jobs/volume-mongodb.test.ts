/** Many due rows, on MongoDB. */
process.env.CREDIT_TEST_ADAPTER = 'mongodb';
process.env.CREDIT_VOLUME ||= '150';
await import('./volume.test.js');
