/** Seeded bugs of the command line: what it asks for, and what it changes. */
import type { SeededBug } from './seeded-bug.js';

const RECORDS = 'test/cli/records.test.ts';

export const CLI_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-cli-yes',
    title: 'a command that changes money does not wait for --yes',
    file: 'src/cli/verbs.ts',
    find: 'if (would && !call.flags.yes) await confirm(',
    replace: 'if (would && typed.args.length > 9) await confirm(',
    tests: [{ file: RECORDS, name: 'in memory grants: given with terms, listed, and shown with what drew on them' }],
  },
  {
    id: 'SM-cli-ask',
    title: 'a command goes on whatever a person at the terminal answers',
    file: 'src/cli/options.ts',
    find: 'if (!(await io.ask(would))) throw',
    replace: 'if ((await io.ask(would)) === null) throw',
    tests: [{ file: RECORDS, name: 'a person at a terminal is asked before a change of credits' }],
  },
  {
    id: 'SM-cli-add',
    title: 'credits are added at a terminal without a question',
    file: 'src/cli/balances.ts',
    find: 'if (call.io.ask !== null) await',
    replace: 'if (call.io.ask === undefined) await',
    tests: [{ file: RECORDS, name: 'a person at a terminal is asked before a change of credits' }],
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
