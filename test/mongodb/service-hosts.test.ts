/** Hosts with `session.withTransaction`, and with transactions that they begin and commit themselves. */
import { testHosts } from '../stores/hosts.js';
import { MONGODB_HOSTS } from './service-fixture.js';

await testHosts(MONGODB_HOSTS);
