/** Prints the configuration that is in force. */
import { readVariables, unknownVariables } from '../config/read.js';
import { notesOf, variableNames } from '../config/variables.js';
import { type CliCommand, EXIT, merged } from './command.js';
import { tableOf } from './table.js';

export const configCommand: CliCommand = {
  name: 'config',
  args: [],
  help: 'print every variable, its value and where it comes from; secrets are not shown',
  flags: {},
  async run(call) {
    const { sources } = call;
    const env = merged(sources);
    const { problems } = readVariables(env, 'service');
    const unknown = unknownVariables(env);
    const variables = variableNames.map((variable) => {
      const { usual, isSecret } = notesOf(variable);
      const source = sources.find(({ values }) => values[variable]);
      if (!source) return { variable, value: usual.replaceAll('`', ''), from: 'default' };
      return { variable, value: isSecret ? '(set, not shown)' : source.values[variable], from: source.from };
    });
    call.print({ variables, problems, unknown }, () => [
      ...tableOf(variables, ['variable', 'value', 'from']),
      ...problems.map((problem) => `NOT OK ${problem}`),
      ...unknown,
    ]);
    return problems.length > 0 ? EXIT.problems : EXIT.done;
  },
};
