/** Prints the schema that `init` would create, for hosts that keep their schema in files or review it first. */
import { type CliCommand, EXIT, neededText, textOf, UsageError } from './command.js';

/** Makes the texts of the schemas. The adapters provide it. */
export interface Schemas {
  postgres(prefix: string, schema: string): string;
  mongodb(prefix: string): object;
}

export function schemaCommand(schemas: Schemas): CliCommand {
  return {
    name: 'schema',
    args: [],
    help: 'print the tables or collections that the library creates',
    flags: {
      backend: { value: 'sql|nosql', help: 'the kind of database', needed: true },
      dialect: { value: 'name', help: 'for sql: postgres (default)' },
      prefix: { value: 'text', help: 'the prefix of all names; default credit_' },
      schema: { value: 'name', help: 'for sql: the schema of the tables; default public' },
    },
    async run(call) {
      const backend = neededText(call, 'backend');
      const prefix = textOf(call, 'prefix') ?? 'credit_';
      const dialect = textOf(call, 'dialect') ?? 'postgres';
      if (backend === 'nosql') call.io.out(`${JSON.stringify(schemas.mongodb(prefix), null, 2)}\n`);
      else if (backend !== 'sql') throw new UsageError('--backend must be sql or nosql.');
      else if (dialect !== 'postgres') throw new UsageError('--dialect must be postgres, the only one so far.');
      else call.io.out(schemas.postgres(prefix, textOf(call, 'schema') ?? 'public'));
      return EXIT.done;
    },
  };
}
