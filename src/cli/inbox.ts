/** Commands on messages of other systems: dead letters, and the audit trail of an account. */
import { readFileSync } from 'node:fs';
import { deadLetterStatusSchema } from '../models/inbox.js';
import type { DeadLetterOptions } from '../models/inputs/inbox.js';
import type { AuditedEntry } from '../models/records/ledger.js';
import { type CliCommand, EXIT, neededText, textOf, UsageError } from './command.js';
import { confirm, ORDER, TYPE, YES } from './options.js';
import { tableOf } from './table.js';
import { listCommand, showCommand, type Typed } from './verbs.js';

const list = listCommand(
  {
    ...{ name: 'dlq list', args: [], help: 'list the messages that nothing could be done with, newest first' },
    flags: {
      status: { value: deadLetterStatusSchema.options.join('|'), help: 'default open' },
      ...ORDER,
    },
  },
  ({ manager, options }: Typed<DeadLetterOptions>) => manager.inbox.listDeadLetters(options),
  ['id', 'subject', 'eventId', 'userId', 'code', 'attempts', 'receivedAt'],
);

const show = showCommand(
  { name: 'dlq show', args: ['id'], help: 'show a message that nothing could be done with, its body and the reason' },
  ({ manager, args: [id] }) => manager.inbox.getDeadLetter(id),
);

const replay: CliCommand = {
  name: 'dlq replay',
  args: ['id'],
  help: 'apply such a message after the reason is mended; it is applied once',
  flags: { 'body-file': { value: 'path', help: 'a repaired body; default as it came' } },
  async run(call) {
    const path = textOf(call, 'body-file');
    const body = path === undefined ? undefined : fileOf(path);
    const { inbox } = await call.open();
    const reception = await inbox.replayDeadLetter(call.args[0] as string, { body });
    call.print(reception, () => [reception.outcome === 'applied' ? 'applied' : 'it was applied before']);
    return EXIT.done;
  },
};

const drop: CliCommand = {
  name: 'dlq drop',
  args: ['id'],
  help: 'close such a message without applying it',
  flags: YES,
  async run(call) {
    await confirm(call, `This closes the message ${call.args[0]} without applying it.`);
    const { inbox } = await call.open();
    const letter = await inbox.dropDeadLetter(call.args[0] as string);
    call.print(letter, () => [letter.status]);
    return EXIT.done;
  },
};

const PAGE_ENTRIES = 100;

const audit: CliCommand = {
  name: 'audit',
  args: [],
  help: 'list the entries of an account, checked, with who asked for each; exit code 3 when something is wrong',
  flags: {
    account: { value: 'user', help: 'the user whose account it is', needed: true },
    from: { value: 'instant', help: 'the first instant, or day (ISO 8601)' },
    to: { value: 'instant', help: 'the last instant' },
    ...TYPE,
  },
  async run(call) {
    const user = neededText(call, 'account');
    const { ledger } = await call.open();
    const given = { from: textOf(call, 'from'), to: textOf(call, 'to'), creditType: textOf(call, 'credit-type') };
    const entries: AuditedEntry[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await ledger.auditTrail(user, { ...given, limit: PAGE_ENTRIES, cursor });
      entries.push(...page.items);
      cursor = page.nextCursor;
    }
    const wrong = entries.filter(({ problems }) => problems.length > 0);
    call.print({ ok: wrong.length === 0, entries }, () => [
      ...tableOf(entries.map(lineOf), [
        'createdAt',
        'seq',
        'type',
        'delta',
        'balanceAfter',
        'by',
        'reason',
        'message',
        'id',
      ]),
      `${entries.length} entries, ${wrong.length} with problems`,
      ...wrong.flatMap(({ id, problems }) => problems.map((problem) => `  ${id}: ${problem}`)),
    ]);
    return wrong.length === 0 ? EXIT.done : EXIT.problems;
  },
};

/** An entry as people read it: who asked for it, and by which message. */
function lineOf({ actor, messages, ...entry }: AuditedEntry) {
  const told = messages.map(({ subject, eventId }) => `${subject} ${eventId}`).join(', ');
  return { ...entry, by: actor, message: told || null };
}

function fileOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--body-file cannot be read: ${(error as Error).message}`);
  }
}

export const inboxCommands: readonly CliCommand[] = [list, show, replay, drop, audit];
