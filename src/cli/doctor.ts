/** Checks that everything the library needs is there: server, scale, clock, file. */
import { type CliCommand, EXIT } from './command.js';

/** If the clocks of this machine and the database differ by more, the check fails. */
const CLOCK_SKEW_MAX_MS = 5_000;

interface Check {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
}

export const doctor: CliCommand = {
  name: 'doctor',
  args: [],
  help: 'connect, and check server, tables and indexes, scale, clock and ledger file',
  flags: {},
  async run(call) {
    const manager = await call.open();
    const checks: Check[] = [];
    const check = async (what: string, look: () => Promise<Omit<Check, 'what'>>) => {
      const failed = (error: unknown) => ({ ok: false, found: (error as Error).message });
      checks.push({ what, ...(await look().catch(failed)) });
    };
    await check('database, tables, indexes and scale', async () => {
      await manager.init();
      return { ok: true, found: manager.db.name };
    });
    await check('clock', async () => {
      const sent = Date.now();
      const { now } = await manager.db.ping({ timeoutMs: 5_000 });
      const differs = Math.round(now.getTime() - (sent + Date.now()) / 2);
      return { ok: Math.abs(differs) < CLOCK_SKEW_MAX_MS, found: `${differs} ms from this machine's clock` };
    });
    await check('health', async () => {
      const { status, components, isDatabaseOlder, differingSettings, undelivered } = await manager.health();
      const parts = Object.entries(components).map(([name, state]) => `${name} ${state}`);
      if (differingSettings.length > 0) parts.push(`other settings than the database: ${differingSettings.join(', ')}`);
      if (isDatabaseOlder) parts.push('the database is older than its ledger file');
      if (undelivered.length > 0) parts.push(`nobody delivers to ${undelivered.map((one) => one.receiver).join(', ')}`);
      return { ok: status === 'healthy', found: parts.join(', ') };
    });
    const ok = checks.every((each) => each.ok);
    call.print({ ok, checks }, () => checks.map(({ what, ok, found }) => `${ok ? 'ok ' : 'NOT OK'} ${what}: ${found}`));
    return ok ? EXIT.done : EXIT.problems;
  },
};
