/** Records as people read them: a table of many, and the fields of one. */
import { printable } from './printable.js';

/** The rows under a header, in columns. No text of a cell can begin a line of its own. */
export function tableOf<T extends object>(rows: readonly T[], columns: readonly (keyof T & string)[]): string[] {
  const lines = [columns.slice(), ...rows.map((row) => columns.map((column) => cellOf(row[column])))];
  return aligned(lines);
}

/** One line for each field of a record. */
export function fieldsOf(record: object): string[] {
  return aligned(Object.entries(record).map(([name, value]) => [name, cellOf(value)]));
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (value instanceof Date) return value.toISOString();
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value));
}
