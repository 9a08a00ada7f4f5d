/** The schema as text: what `init` creates, made from the models alone. */
import { storedModels } from '../../../models/stored-models.js';
import type { StoredModel } from '../../../ports/db-manager.js';
import { Table } from '../table.js';
import { NAMING } from './columns.js';
import { created } from './migrate.js';

/** DDL of PostgreSQL, one statement after another, for a schema of this name. */
export function postgresSchema(prefix: string, schema: string, models: readonly StoredModel[] = storedModels): string {
  const statements = models.flatMap((model) => created(new Table(model, prefix, schema, NAMING)));
  return statements.map((statement) => `${statement};\n`).join('');
}
