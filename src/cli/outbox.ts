/** Commands on the sinks that events are delivered to. */
import { type CliCommand, EXIT, textOf } from './command.js';
import { confirm, YES } from './options.js';

const list: CliCommand = {
  name: 'sinks list',
  args: [],
  help: 'list the sinks, with the events that wait and those that failed',
  flags: {},
  async run(call) {
    const sinks = await (await call.open()).outbox.listSinks();
    call.print({ sinks }, () => sinks.map(({ name, pending, failed }) => `${name}: ${pending} wait, ${failed} failed`));
    return EXIT.done;
  },
};

const retry: CliCommand = {
  name: 'sinks retry',
  args: [],
  help: 'deliver failed events and messages again',
  flags: { sink: { value: 'name', help: 'only events of this sink; default all sinks, and notifications' } },
  async run(call) {
    const report = await (await call.open()).outbox.retryFailed(textOf(call, 'sink'));
    call.print(report, () => [`${report.retried} wait again`]);
    return EXIT.done;
  },
};

const replay: CliCommand = {
  name: 'sinks replay',
  args: ['name'],
  help: 'send events again that a sink has taken; they are kept for seven days',
  flags: { since: { value: 'instant', help: 'needed: those that it took since then (ISO 8601)' } },
  async run(call) {
    const since = textOf(call, 'since') as string;
    const report = await (await call.open()).outbox.replay(call.args[0] as string, { since });
    call.print(report, () => [`${report.replayed} wait again`]);
    return EXIT.done;
  },
};

const remove: CliCommand = {
  name: 'sinks remove',
  args: ['name'],
  help: 'remove a sink; the outbox job deletes the events that wait for it',
  flags: YES,
  async run(call) {
    const first = 'Take it out of every process first (CREDIT_WEBHOOK_URL): one that has it registers it again.';
    await confirm(call, `This deletes the events that wait for the sink. ${first}`);
    const isRemoved = await (await call.open()).outbox.removeSink(call.args[0] as string);
    call.print({ isRemoved }, () => [isRemoved ? 'removed' : 'there is no sink with this name']);
    return EXIT.done;
  },
};

export const outboxCommands: readonly CliCommand[] = [list, retry, replay, remove];
