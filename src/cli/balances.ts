/** Commands on one user's balance. A command that changes it needs an actor and a reason, which the entry keeps. */
import type { Transaction } from '../services/credits/records.js';
import { type CliCommand, countOf, EXIT, textOf } from './command.js';
import { BY, confirm, optionsOf, PAGE, serviceOf, TYPE, YES } from './options.js';

function lineOf({ id, type, delta, balanceAfter, createdAt, description }: Transaction): string {
  const change = delta > 0 ? `+${delta}` : String(delta);
  return `${createdAt.toISOString()}  ${type}  ${change}  balance ${balanceAfter}  ${description ?? ''}  ${id}`;
}

const balance: CliCommand = {
  name: 'balance',
  args: ['user'],
  help: "show a user's balance",
  flags: TYPE,
  async run(call) {
    const info = await (await serviceOf(call)).getUserCreditsInfo(call.args[0] as string, { fresh: true });
    call.print(info, () => [
      `balance ${info.balance}, reserved ${info.reserved}, available ${info.available}, debt ${info.debt}`,
    ]);
    return EXIT.done;
  },
};

const history: CliCommand = {
  name: 'history',
  args: ['user'],
  help: "list a user's entries, newest first",
  flags: {
    ...TYPE,
    ...PAGE,
    holds: { help: 'also list reservations and other entries that do not change the balance' },
  },
  async run(call) {
    const page = await (await serviceOf(call)).getCreditHistory(call.args[0] as string, {
      limit: countOf(call, 'limit'),
      cursor: textOf(call, 'cursor'),
      includeHolds: call.flags.holds === true,
    });
    const next = page.nextCursor === null ? [] : [`next page: --cursor ${page.nextCursor}`];
    call.print(page, () => [...page.items.map(lineOf), ...next]);
    return EXIT.done;
  },
};

const changes: Readonly<Record<string, { help: string; verb: 'addCredits' | 'deductCredits' | 'adjustCredits' }>> = {
  add: { verb: 'addCredits', help: 'give a user credits' },
  deduct: { verb: 'deductCredits', help: 'take credits from a user' },
  adjust: { verb: 'adjustCredits', help: 'correct a balance by a signed amount (put -- before a negative one)' },
};

export const balanceCommands: readonly CliCommand[] = [
  balance,
  history,
  ...Object.entries(changes).map(
    ([name, { help, verb }]): CliCommand => ({
      ...{ name, args: ['user', 'amount'], help, flags: { ...TYPE, ...BY, ...YES } },
      async run(call) {
        const [user, amount] = call.args as [string, string];
        const given = optionsOf<{ actor: string; reason: string }>(call, BY);
        const service = await serviceOf(call);
        // A script says it all with the command; a person is asked.
        if (call.io.ask !== null) await confirm(call, `This would ${name} ${amount} for ${user}.`);
        const transaction = await service[verb](user, amount, given);
        call.print(transaction, () => [lineOf(transaction)]);
        return EXIT.done;
      },
    }),
  ),
];
