/** A manager by its default options on PostgreSQL. */
import { testManager } from '../stores/manager.js';
import { POSTGRES_HOSTS } from './service-fixture.js';

await testManager(POSTGRES_HOSTS);
