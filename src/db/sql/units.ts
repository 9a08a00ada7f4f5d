/** Translates units of the port into units of tables. */
import type { Change, Unit } from '../../ports/db-manager.js';
import { type TranslatedUnits, translatedUnits } from '../kit/units.js';
import type { TableChange } from './dialect.js';
import type { Table } from './table.js';

export function translated(units: readonly Unit[], tableOf: (model: string) => Table): TranslatedUnits<TableChange> {
  return translatedUnits(units, tableOf, toTableChange);
}

function toTableChange(change: Change, table: Table, key: string): TableChange {
  if (change.op === 'insert') return { op: 'insert', table, row: change.row };
  const { expectedVersion } = change;
  if (change.op === 'delete') return { op: 'delete', table, key, expectedVersion };
  return { op: 'replace', table, row: change.row, expectedVersion, unchanged: change.unchanged };
}
