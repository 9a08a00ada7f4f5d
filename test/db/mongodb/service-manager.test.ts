/** A manager by its default options on MongoDB. */

import { MONGODB_HOSTS } from '../../backends/mongodb-store.js';
import { testManager } from '../../backends/suites/manager.js';

await testManager(MONGODB_HOSTS);
