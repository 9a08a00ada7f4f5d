/** The models of the library as adapters are given them: for `DbManager.init`, and for tools of hosts. */
import { storedModels as declared } from '../models/stored-models.js';
import type { StoredModel } from './db-manager.js';

/** Everything the library stores, each declared once; `describeModels()` tells what the fields mean. */
export const storedModels: readonly StoredModel[] = declared;
