/** The property model on PostgreSQL. */
import { POSTGRES } from '../stores/adapters.js';
import { testModel } from '../stores/model.js';

await testModel(POSTGRES);
