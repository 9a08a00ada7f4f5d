/** The walk of faults on PostgreSQL. */
import { POSTGRES } from '../stores/adapters.js';
import { testWalk } from '../stores/walk.js';

await testWalk(POSTGRES);
