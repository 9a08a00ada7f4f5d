/** Commands on one user's account. A command that changes it needs an actor and a reason, which the entry keeps. */
import type { CreditService } from '../services/credits/contract.js';
import type { Transaction } from '../services/credits/records.js';
import { type CliCall, type CliCommand, countOf, EXIT, type Flags, neededText, textOf } from './command.js';

const TYPE: Flags = { 'credit-type': { value: 'name', help: 'default credits' } };
const BY: Flags = {
  ...TYPE,
  actor: { value: 'id', help: 'who does it (needed)' },
  reason: { value: 'text', help: 'why (needed)' },
  key: { value: 'key', help: 'idempotency key: a repeated command with the same key has no second effect' },
};

async function serviceOf(call: CliCall): Promise<CreditService<unknown>> {
  return (await call.open()).creditType((textOf(call, 'credit-type') ?? 'credits') as 'credits');
}

function whoAndWhy(call: CliCall) {
  const idempotencyKey = textOf(call, 'key');
  return { actor: neededText(call, 'actor'), reason: neededText(call, 'reason'), idempotencyKey };
}

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
    limit: { value: 'rows', help: '1-100, default 20' },
    cursor: { value: 'cursor', help: 'nextCursor of the previous page' },
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

export const accountCommands: readonly CliCommand[] = [
  balance,
  history,
  ...Object.entries(changes).map(
    ([name, { help, verb }]): CliCommand => ({
      ...{ name, args: ['user', 'amount'], help, flags: BY },
      async run(call) {
        const [user, amount] = call.args as [string, string];
        const given = whoAndWhy(call);
        const service = await serviceOf(call);
        const transaction = await service[verb](user, amount, given);
        call.print(transaction, () => [lineOf(transaction)]);
        return EXIT.done;
      },
    }),
  ),
];
