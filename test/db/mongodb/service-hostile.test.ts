/** Hostile text on MongoDB. */

import { MONGODB_HOSTS } from '../../backends/mongodb-store.js';
import { testHostileText } from '../../backends/suites/hostile.js';

await testHostileText(MONGODB_HOSTS);
