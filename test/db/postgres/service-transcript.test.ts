/** A recorded script, as on memory, on PostgreSQL. */
import { POSTGRES } from '../../backends/adapters.js';
import { testTranscript } from '../../backends/suites/transcript.js';

await testTranscript(POSTGRES);
