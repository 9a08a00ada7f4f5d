/** A recorded script, as on memory, on PostgreSQL. */
import { POSTGRES } from '../stores/adapters.js';
import { testTranscript } from '../stores/transcript.js';

await testTranscript(POSTGRES);
