/** Page cursors: the position of a row along an index. Callers cannot read them; all adapters make the same ones. */
import { creditError } from '../errors.js';
import type { FindQuery, Row, StoredModel, StoredValue } from './db-manager.js';

/** The fields that order the rows of a query: those of its index that `equals` does not fix, then the key. */
export function orderFields(model: StoredModel, query: Pick<FindQuery, 'index' | 'equals'>): readonly string[] {
  const index = model.indexes.find((candidate) => candidate.name === query.index);
  if (!index) {
    throw creditError('INVALID_ARGUMENT', `Model ${model.name} declares no index ${query.index}.`, {
      path: 'index',
      expected: model.indexes.map((candidate) => candidate.name).join(' | '),
    });
  }
  const fixed = Object.keys(query.equals ?? {}).length;
  return [...index.fields.slice(fixed), model.key];
}

/** The cursor that continues a query after `row`. */
export function encodeCursor(model: StoredModel, query: Pick<FindQuery, 'index' | 'equals'>, row: Row): string {
  const values = orderFields(model, query).map((field) => {
    const value = row[field];
    return value instanceof Date ? value.getTime() : value;
  });
  return Buffer.from(JSON.stringify([query.index, ...values])).toString('base64url');
}

/** The values of a cursor by field, checked against the model; a malformed cursor is `INVALID_ARGUMENT`. */
export function decodeCursor(model: StoredModel, query: Pick<FindQuery, 'index' | 'equals' | 'after'>): StoredValue[] {
  const fields = orderFields(model, query);
  const values = parse(query.after ?? '');
  if (values?.length !== fields.length + 1 || values[0] !== query.index) throw badCursor();
  return fields.map((field, i) => {
    const value = values[i + 1];
    const kind = field === model.key ? 'string' : model.fields[field]?.kind;
    if (value === null && field !== model.key) return null;
    if (kind === 'string' && typeof value === 'string') return value;
    if (kind === 'boolean' && typeof value === 'boolean') return value;
    if (kind === 'integer' && Number.isSafeInteger(value)) return value as number;
    if (kind === 'instant' && Number.isSafeInteger(value) && Math.abs(value as number) <= 8.64e15) {
      return new Date(value as number);
    }
    throw badCursor();
  });
}

function parse(cursor: string): unknown[] | null {
  if (cursor.length > 4096 || !/^[A-Za-z0-9_-]+$/.test(cursor)) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function badCursor() {
  return creditError('INVALID_ARGUMENT', 'The cursor is not one that this list handed out.', {
    path: 'cursor',
    expected: 'the nextCursor of an earlier page of the same list',
  });
}
