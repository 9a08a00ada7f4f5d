/** The schema of a database as text: what `init` creates, made from the models alone. */
import { indexDocument, propertiesOf, requiredOf, validatorOf } from './db/mongodb/schema.js';
import { StoredCollection } from './db/mongodb/stored-collection.js';
import { created } from './db/sql/postgres/migrate.js';
import { Table } from './db/sql/table.js';
import { storedModels } from './models/index.js';
import type { StoredModel } from './ports/db-manager.js';

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
