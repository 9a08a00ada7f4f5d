/** Hosts with `pg`, a wrapper of it, and kysely. */

import { POSTGRES_HOSTS } from '../../backends/postgres-store.js';
import { testHosts } from '../../backends/suites/hosts.js';

await testHosts(POSTGRES_HOSTS);
