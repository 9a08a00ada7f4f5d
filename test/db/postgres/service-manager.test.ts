/** A manager by its default options on PostgreSQL. */

import { POSTGRES_HOSTS } from '../../backends/postgres-store.js';
import { testManager } from '../../backends/suites/manager.js';

await testManager(POSTGRES_HOSTS);
