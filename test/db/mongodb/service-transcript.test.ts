/** A recorded script, as on memory, on MongoDB. */
import { MONGODB } from '../../backends/adapters.js';
import { testTranscript } from '../../backends/suites/transcript.js';

await testTranscript(MONGODB);
