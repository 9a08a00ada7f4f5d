/** The definition of an index. */
import type { Column, Table, TableIndex } from '../table.js';
import { quoted } from './columns.js';

/**
 * An index leaves out the rows that are null in its first field: no condition on that field finds them, and a null is
 * no unique value. That spares half the indexes of a ledger entry its insert. Only a walk over a whole index has to
 * sort.
 *
 * @param how `concurrently`: writers go on, and it takes no transaction
 */
export function indexDefinition(table: Table, { name, columns, unique }: TableIndex, how = ''): string {
  const [first] = columns as [Column];
  const list = columns.map((column) => column.name).join(', ');
  const some = first.nullable ? ` where ${first.name} is not null` : '';
  const kind = `${unique ? 'unique ' : ''}index${how && ` ${how}`}`;
  return `create ${kind} ${quoted(name)} on ${table.name} (${list})${some}`;
}
