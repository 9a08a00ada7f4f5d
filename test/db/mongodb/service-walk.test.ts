/** The walk of faults on MongoDB. */
import { MONGODB } from '../../backends/adapters.js';
import { testWalk } from '../../backends/suites/walk.js';

await testWalk(MONGODB);
