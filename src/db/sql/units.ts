/** Units of the port as units of tables. */
import type { Change, Unit } from '../../ports/db-manager.js';
import { type PlannedUnits, plannedUnits } from '../kit/units.js';
import type { TableChange } from './dialect.js';
import type { Table } from './table.js';

export function planned(units: readonly Unit[], tableOf: (model: string) => Table): PlannedUnits<TableChange> {
  return plannedUnits(units, tableOf, toTableChange);
}

function toTableChange(change: Change, table: Table, key: string): TableChange {
  if (change.op === 'insert') return { op: 'insert', table, row: change.row };
  const { expectedVersion } = change;
  if (change.op === 'delete') return { op: 'delete', table, key, expectedVersion };
  return { op: 'replace', table, row: change.row, expectedVersion };
}
