/** Prints the document of the HTTP API, for gateways, clients and reviews. */
import { type CliCommand, EXIT } from './command.js';

export function openApiCommand(document: () => object): CliCommand {
  return {
    ...{ name: 'openapi', args: [], help: 'print the OpenAPI 3.1 document of the HTTP API', flags: {} },
    async run({ io }) {
      io.out(`${JSON.stringify(document(), null, 2)}\n`);
      return EXIT.done;
    },
  };
}
