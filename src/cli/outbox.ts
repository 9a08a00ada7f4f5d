/** Commands about who events are delivered to. */
import { type CliCommand, EXIT, textOf, UsageError } from './command.js';

const list: CliCommand = {
  name: 'sinks list',
  args: [],
  help: 'who events are delivered to, and what waits or was given up',
  flags: {},
  async run(call) {
    const sinks = await call.open().outbox.listSinks();
    call.print({ sinks }, () => sinks.map(({ name, pending, failed }) => `${name}: ${pending} wait, ${failed} failed`));
    return EXIT.done;
  },
};

const retry: CliCommand = {
  name: 'sinks retry',
  args: [],
  help: 'make what was given up wait again',
  flags: { sink: { value: 'name', help: 'only of this one; default all, and notifications' } },
  async run(call) {
    const report = await call.open().outbox.retryFailed(textOf(call, 'sink'));
    call.print(report, () => [`${report.retried} wait again`]);
    return EXIT.done;
  },
};

const remove: CliCommand = {
  name: 'sinks remove',
  args: ['name'],
  help: 'write no more for a sink; the outbox job deletes what waits for it',
  flags: { yes: { help: 'do it' } },
  async run(call) {
    if (!call.flags.yes) throw new UsageError('What waits for the sink is deleted. Say --yes to do it.');
    const isRemoved = await call.open().outbox.removeSink(call.args[0] as string);
    call.print({ isRemoved }, () => [isRemoved ? 'removed' : 'there was none of this name']);
    return EXIT.done;
  },
};

export const outboxCommands: readonly CliCommand[] = [list, retry, remove];
