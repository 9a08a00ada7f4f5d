/** A recorded script, as on memory, on MongoDB. */
import { MONGODB } from '../stores/adapters.js';
import { testTranscript } from '../stores/transcript.js';

await testTranscript(MONGODB);
