/** The property model on MongoDB. */
import { MONGODB } from '../../backends/adapters.js';
import { testModel } from '../../backends/suites/model.js';

await testModel(MONGODB);
