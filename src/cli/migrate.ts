/** Brings the database to this version, for pipelines that do it before they start processes. */
import { storedModels } from '../models/stored-models.js';
import { type CliCommand, EXIT } from './command.js';

const NO_WAY_BACK = 'There are no down-migrations: what an older version does not know it leaves alone.';

export const migrateCommand: CliCommand = {
  name: 'migrate',
  args: [],
  help: 'make the tables and indexes that are missing; safe to repeat, and from many processes at once',
  flags: { check: { help: 'make nothing, and tell what is missing' } },
  async run(call) {
    const isCheck = call.flags.check === true;
    const { db } = call.unopened();
    if (isCheck) await db.ping();
    else await (await call.open()).init();
    const missing = (await db.lacking?.(storedModels)) ?? [];
    const told = missing.length === 0 ? 'The database has everything.' : `Missing: ${missing.join(', ')}.`;
    call.print({ upToDate: missing.length === 0, missing }, () => [told, ...(isCheck ? [] : [NO_WAY_BACK])]);
    return missing.length === 0 ? EXIT.done : EXIT.problems;
  },
};
