/** Checks that everything the library needs is there: server, tables, scale, clock, file. It makes nothing. */
import { storedModels } from '../models/stored-models.js';
import { SETTINGS_ID, systemModel } from '../models/system.js';
import type { DbManager } from '../ports/db-manager.js';
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
  help: 'check server, tables and indexes, scale, clock and ledger file; makes nothing',
  flags: {},
  async run(call) {
    const { db } = call.unopened();
    const checks: Check[] = [];
    const check = async (what: string, look: () => Promise<Omit<Check, 'what'>>) => {
      const failed = (error: unknown) => ({ ok: false, found: (error as Error).message });
      const found = await look().catch(failed);
      checks.push({ what, ...found });
      return found.ok;
    };
    let isInUse = false;
    const isComplete =
      (await check('database', async () => {
        await db.ping();
        return { ok: true, found: db.name };
      })) &&
      (await check('tables and indexes', async () => {
        const lacks = (await db.lacking?.(storedModels)) ?? [];
        if (lacks.length === 0) return { ok: true, found: 'all there' };
        return { ok: false, found: `missing: ${lacks.join(', ')}; the first call of the library makes them` };
      }));
    // To open a manager makes what is missing, and writes the settings of a new database.
    if (isComplete)
      await check('settings and scale', async () => {
        isInUse = await hasSettings(db);
        if (isInUse) await (await call.open()).init();
        return { ok: true, found: isInUse ? 'as stored' : 'none yet; the first call of the library writes them' };
      });
    await check('clock', async () => {
      const sent = Date.now();
      const { now } = await db.ping({ timeoutMs: 5_000 });
      const differs = Math.round(now.getTime() - (sent + Date.now()) / 2);
      return { ok: Math.abs(differs) < CLOCK_SKEW_MAX_MS, found: `${differs} ms from this machine's clock` };
    });
    const health = async () => {
      const told = await call.unopened().health();
      const { status, components, isDatabaseOlder, differingSettings, undelivered } = told;
      const parts = Object.entries(components).map(([name, state]) => `${name} ${state}`);
      if (differingSettings.length > 0) parts.push(`other settings than the database: ${differingSettings.join(', ')}`);
      if (isDatabaseOlder) parts.push('the database is older than its ledger file');
      if (undelivered.length > 0) parts.push(`nobody delivers to ${undelivered.map((one) => one.receiver).join(', ')}`);
      return { ok: status === 'healthy', found: parts.join(', ') };
    };
    if (isInUse) await check('health', health);
    const ok = checks.every((each) => each.ok);
    call.print({ ok, checks }, () => checks.map(({ what, ok, found }) => `${ok ? 'ok ' : 'NOT OK'} ${what}: ${found}`));
    return ok ? EXIT.done : EXIT.problems;
  },
};

/** Whether any process has used the database. Its tables are all there, so that to open it makes nothing. */
async function hasSettings(db: DbManager<unknown>): Promise<boolean> {
  await db.init(storedModels);
  const [settings] = await db.getMany(systemModel.name, [SETTINGS_ID]);
  return settings != null;
}
