/** The walk of faults on MongoDB. */
import { MONGODB } from '../stores/adapters.js';
import { testWalk } from '../stores/walk.js';

await testWalk(MONGODB);
