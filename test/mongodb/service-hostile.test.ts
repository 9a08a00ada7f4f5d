/** Hostile text on MongoDB. */
import { testHostileText } from '../stores/hostile.js';
import { MONGODB_HOSTS } from './service-fixture.js';

await testHostileText(MONGODB_HOSTS);
