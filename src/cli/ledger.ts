/** Commands that check and repair the ledger and its file. */
import { type CliCommand, EXIT, progressOn, textOf } from './command.js';
import { confirm, YES } from './options.js';

const verify: CliCommand = {
  name: 'ledger verify',
  args: [],
  help: 'check every entry, account, grant, hold and line; exit code 3 when something is wrong',
  flags: { user: { value: 'id', help: 'only this user' } },
  async run(call) {
    const { ledger } = await call.open();
    const progress = progressOn(call.io);
    const report = await ledger
      .verify({
        userId: textOf(call, 'user'),
        signal: call.io.signal,
        onProgress: (done) => progress.tell(`${done} entries`),
      })
      .finally(progress.end);
    call.print(report, () => [
      `${report.checked} entries checked, ${report.problemCount} problems`,
      ...report.problems.map(({ kind, id, message }) => `  ${kind} ${id}: ${message}`),
    ]);
    return report.ok ? EXIT.done : EXIT.problems;
  },
};

const reconcile: CliCommand = {
  name: 'ledger reconcile',
  args: [],
  help: 'append the lines that the file lacks',
  flags: {},
  async run(call) {
    const report = await (await call.open()).ledger.reconcile();
    call.print(report, () => [`${report.added} lines added`]);
    return EXIT.done;
  },
};

const rebuild: CliCommand = {
  name: 'ledger rebuild',
  args: [],
  help: 'write a new file from the database, and keep the old one beside it',
  flags: YES,
  async run(call) {
    await confirm(call, 'This replaces the ledger file.');
    const { ledger } = await call.open();
    const progress = progressOn(call.io);
    const report = await ledger
      .rebuildFile({ signal: call.io.signal, onProgress: (lines) => progress.tell(`${lines} lines`) })
      .finally(progress.end);
    call.print(report, () => [`${report.lines} lines written`]);
    return EXIT.done;
  },
};

export const ledgerCommands: readonly CliCommand[] = [verify, reconcile, rebuild];
