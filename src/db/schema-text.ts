/** The schema of a database as text: what `init` creates, made from the models alone. */

import { storedModels } from '../models/stored-models.js';
import type { StoredModel } from '../ports/db-manager.js';
import { StoredCollection } from './mongodb/collection.js';
import { indexDocument, propertiesOf, requiredOf, validatorOf } from './mongodb/schema.js';
import { created } from './sql/postgres/migrate.js';
import { Table } from './sql/table.js';

/** DDL of PostgreSQL, one statement after another, for a schema of this name. */
export function postgresSchema(prefix: string, schema: string, models: readonly StoredModel[] = storedModels): string {
  const statements = models.flatMap((model) => created(new Table(model, prefix, schema)));
  return statements.map((statement) => `${statement};\n`).join('');
}

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
