/** Units of the port as units of tables, checked for what the port rules out. */
import { creditError } from '../../errors.js';
import type { Unit } from '../../ports/db-manager.js';
import type { TableChange, TableUnit } from './dialect.js';
import type { Table } from './table.js';

/**
 * The changes of each unit with their tables; an Error for a unit that names one document twice.
 *
 * @throws INVALID_ARGUMENT for two units that share a document: only one of them could be told the truth.
 */
export function planned(units: readonly Unit[], tableOf: (model: string) => Table): readonly (TableUnit | Error)[] {
  const owners = new Map<Table, Map<string, number>>();
  return units.map((unit, i) => {
    let failure: Error | null = null;
    const changes = unit.map((change): TableChange => {
      const table = tableOf(change.model);
      const key = change.op === 'delete' ? change.key : table.keyOf(change.row);
      const keys = owners.get(table) ?? new Map<string, number>();
      owners.set(table, keys);
      const owner = keys.get(key);
      if (owner === undefined) keys.set(key, i);
      else if (owner === i) failure = new Error('A unit names one document twice.');
      else {
        const details = { path: 'units', expected: 'units that share no document' };
        throw creditError('INVALID_ARGUMENT', 'Two units of one call change the same document.', details);
      }
      if (change.op === 'insert') return { op: 'insert', table, row: change.row };
      const { expectedVersion } = change;
      if (change.op === 'delete') return { op: 'delete', table, key, expectedVersion };
      return { op: 'replace', table, row: change.row, expectedVersion };
    });
    return failure ?? changes;
  });
}
