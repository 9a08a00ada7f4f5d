/** A manager by its default options on MongoDB. */
import { testManager } from '../stores/manager.js';
import { MONGODB_HOSTS } from './service-fixture.js';

await testManager(MONGODB_HOSTS);
