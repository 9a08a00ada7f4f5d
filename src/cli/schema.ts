/** Prints what `init` would create, for those who keep their schema in files or review it first. */
import { type CliCommand, EXIT, neededText, textOf, UsageError } from './command.js';

/** Makes the texts; the adapters know how. */
export interface Schemas {
  postgres(prefix: string, schema: string): string;
  mongodb(prefix: string): object;
}

export function schemaCommand(schemas: Schemas): CliCommand {
  return {
    name: 'schema',
    args: [],
    help: 'print the tables or collections that the library makes by itself',
    flags: {
      backend: { value: 'sql|nosql', help: 'which kind of database (needed)' },
      dialect: { value: 'name', help: 'of sql: postgres (default)' },
      prefix: { value: 'text', help: 'what names begin with; default credit_' },
      schema: { value: 'name', help: 'of sql: the schema of the tables; default public' },
    },
    async run(call) {
      const backend = neededText(call, 'backend');
      const prefix = textOf(call, 'prefix') ?? 'credit_';
      const dialect = textOf(call, 'dialect') ?? 'postgres';
      if (backend === 'nosql') call.io.out(`${JSON.stringify(schemas.mongodb(prefix), null, 2)}\n`);
      else if (backend !== 'sql') throw new UsageError('--backend is sql or nosql.');
      else if (dialect !== 'postgres') throw new UsageError('--dialect is postgres; no other is there yet.');
      else call.io.out(schemas.postgres(prefix, textOf(call, 'schema') ?? 'public'));
      return EXIT.done;
    },
  };
}
