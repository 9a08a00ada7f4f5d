/** The three kinds of commands on records: a list, one of them, and a change. */
import type { CreditService } from '../services/credits/contract.js';
import type { CreditManagement } from '../services/manager/contract.js';
import { type CliCall, type CliCommand, EXIT, type Flags } from './command.js';
import { BY, confirm, found, optionsOf, PAGE, serviceOf, TYPE, YES } from './options.js';
import { fieldsOf, tableOf } from './table.js';

interface Named extends Pick<CliCommand, 'name' | 'args' | 'help'> {
  /** The flags that are options of the verb. */
  readonly flags?: Flags;
  /** Whether it works on the credit type of `--credit-type`. */
  readonly typed?: true;
  /** Whether another option is the idempotency key, so that there is no `--key`. */
  readonly unkeyed?: true;
}

/** A command that was typed: its manager, the credits of its type, its arguments and options. */
export interface Typed<O = object> {
  readonly manager: CreditManagement<unknown>;
  readonly credits: CreditService<unknown>;
  readonly args: readonly [string, string];
  readonly options: O;
}

interface ListPage<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
  /** Rows that cannot be read. */
  readonly skipped?: readonly { readonly id: string; readonly code: string; readonly message: string }[];
}

/** A page of records: a table for people, the whole page with `--json`. */
export function listCommand<O, T extends object>(
  named: Named,
  read: (typed: Typed<O>) => Promise<ListPage<T>>,
  columns: readonly (keyof NoInfer<T> & string)[],
): CliCommand {
  const flags = { ...named.flags, ...PAGE };
  return command(named, flags, {}, async (call, typed: Typed<O>) => {
    const page = await read(typed);
    const { items, nextCursor, skipped = [] } = page;
    call.print(page, () => [
      ...tableOf(items, columns),
      ...skipped.map(({ id, code, message }) => `cannot be read: ${id} ${code}: ${message}`),
      ...(nextCursor === null ? [] : [`next page: --cursor ${nextCursor}`]),
    ]);
    return skipped.length > 0 ? EXIT.problems : EXIT.done;
  });
}

/** One record with all its fields. @throws NOT_FOUND where `read` answers null. */
export function showCommand(named: Named, read: (typed: Typed) => Promise<object | null>): CliCommand {
  return command(named, named.flags ?? {}, {}, async (call, typed: Typed) => {
    // `plans show` shows a plan.
    const noun = named.name.replace(/s .*$/, '');
    const record = found(await read(typed), `${noun} ${typed.args[0]}`);
    call.print(record, () => fieldsOf(record));
    return EXIT.done;
  });
}

/**
 * A change, by somebody and for a reason; its answer is printed. With `would` it is made with `--yes`, or where a
 * person agrees to the sentence that `would` answers.
 */
export function changeCommand<O>(
  named: Named,
  change: (typed: Typed<O>) => Promise<object>,
  would?: (typed: Typed<O>) => Promise<string> | string,
): CliCommand {
  const yes: Flags = would ? YES : {};
  const { key, ...unkeyed } = BY;
  const by: Flags = named.unkeyed ? unkeyed : BY;
  return command(named, { ...named.flags, ...by }, yes, async (call, typed: Typed<O>) => {
    if (would && !call.flags.yes) await confirm(call, await would(typed));
    const answer = await change(typed);
    call.print(answer, () => fieldsOf(answer));
    return EXIT.done;
  });
}

function command<O>(
  { name, args, help, typed }: Named,
  options: Flags,
  others: Flags,
  run: (call: CliCall, typed: Typed<O>) => Promise<number>,
): CliCommand {
  return {
    ...{ name, args, help, flags: { ...options, ...(typed && TYPE), ...others } },
    async run(call) {
      const given = optionsOf<O>(call, options);
      const [manager, credits] = [await call.open(), await serviceOf(call)];
      return run(call, { manager, credits, args: call.args as readonly [string, string], options: given });
    },
  };
}
