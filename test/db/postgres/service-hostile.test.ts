/** Hostile text on PostgreSQL. */

import { POSTGRES_HOSTS } from '../../backends/postgres-store.js';
import { testHostileText } from '../../backends/suites/hostile.js';

await testHostileText(POSTGRES_HOSTS);
