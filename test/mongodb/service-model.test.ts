/** The property model on MongoDB. */
import { MONGODB } from '../stores/adapters.js';
import { testModel } from '../stores/model.js';

await testModel(MONGODB);
