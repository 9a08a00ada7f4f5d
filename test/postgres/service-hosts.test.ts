/** Hosts with `pg`, a wrapper of it, and kysely. */
import { testHosts } from '../stores/hosts.js';
import { POSTGRES_HOSTS } from './service-fixture.js';

await testHosts(POSTGRES_HOSTS);
