/** The property model on PostgreSQL. */
import { POSTGRES } from '../../backends/adapters.js';
import { testModel } from '../../backends/suites/model.js';

await testModel(POSTGRES);
