/** Hosts with `session.withTransaction`, and with transactions that they begin and commit themselves. */

import { MONGODB_HOSTS } from '../../backends/mongodb-store.js';
import { testHosts } from '../../backends/suites/hosts.js';

await testHosts(MONGODB_HOSTS);
