/** Hostile text on PostgreSQL. */
import { testHostileText } from '../stores/hostile.js';
import { POSTGRES_HOSTS } from './service-fixture.js';

await testHostileText(POSTGRES_HOSTS);
