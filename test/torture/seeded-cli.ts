/** Seeded bugs of the command line: what it asks for, and what it changes. */
import type { SeededBug } from './seeded-bug.js';

const RECORDS = 'test/cli/records.test.ts';

export const CLI_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-cli-yes',
    title: 'a command that changes money does not wait for --yes',
    file: 'src/cli/verbs.ts',
    find: 'if (would && !call.flags.yes) throw',
    replace: 'if (would && call.flags.yes === undefined && typed.args.length > 9) throw',
    tests: [{ file: RECORDS, name: 'in memory grants: given with terms, listed, and shown with what drew on them' }],
  },
  {
    id: 'SM-cli-type',
    title: 'a command works on credits, whatever --credit-type says',
    file: 'src/cli/options.ts',
    find: "(textOf(call, 'credit-type') ?? 'credits')",
    replace: "'credits'",
    tests: [{ file: RECORDS, name: 'another credit type is another account' }],
  },
  {
    id: 'SM-cli-needed',
    title: 'a change is made without an actor and a reason',
    file: 'src/cli/options.ts',
    find: '    if (flag.needed) neededText(call, name);\n',
    replace: '',
    tests: [{ file: RECORDS, name: 'in memory plans: made, changed, ended, resumed, deleted, listed and shown' }],
  },
];
