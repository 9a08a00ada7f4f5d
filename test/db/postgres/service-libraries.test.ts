/** Hosts on PostgreSQL with Drizzle, Knex, TypeORM and Sequelize. */
import { LIBRARY_HOSTS } from '../../backends/library-hosts.js';
import { testHosts } from '../../backends/suites/hosts.js';

await testHosts(LIBRARY_HOSTS);
