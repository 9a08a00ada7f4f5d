/** The schema as text: what `init` creates, made from the models alone. */
import { storedModels } from '../../models/stored-models.js';
import type { StoredModel } from '../../ports/db-manager.js';
import { StoredCollection } from './collection.js';
import { indexDocument, propertiesOf, requiredOf, validatorOf } from './schema.js';

/** By collection: the `$jsonSchema` validator and the indexes, as `create` and `createIndexes` take them. */
export function mongodbSchema(prefix: string, models: readonly StoredModel[] = storedModels) {
  return Object.fromEntries(
    models.map((model) => {
      const collection = new StoredCollection(model, prefix);
      const validator = validatorOf(propertiesOf(collection), requiredOf(collection));
      return [
        collection.name,
        { validator, indexes: collection.indexes.map((index) => indexDocument(collection, index)) },
      ];
    }),
  );
}
