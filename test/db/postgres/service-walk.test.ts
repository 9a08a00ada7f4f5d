/** The walk of faults on PostgreSQL. */
import { POSTGRES } from '../../backends/adapters.js';
import { testWalk } from '../../backends/suites/walk.js';

await testWalk(POSTGRES);
