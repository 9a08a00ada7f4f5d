/** Everything that is stored, as text: two dumps are equal if and only if the stores are. */
import type { InMemoryDbManager, Row } from '../../src/index.js';

/** Model and an index that reaches all its rows. */
const MODELS = {
  account: 'created',
  grant: 'account',
  reservation: 'account',
  entry: 'history',
  outbox: 'queue',
  notification: 'queue',
  notice: 'account',
  system: 'kind',
} as const;

export async function dump(db: InMemoryDbManager): Promise<string> {
  const lines: string[] = [];
  for (const [model, index] of Object.entries(MODELS)) {
    for (const row of await allRows(db, model, index)) lines.push(`${model} ${JSON.stringify(row)}`);
  }
  return lines.join('\n');
}

async function allRows(db: InMemoryDbManager, model: string, index: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = await db.find(model, { index, limit: 1_000, ...(after !== undefined && { after }) });
    rows.push(...page.rows);
    after = page.nextCursor;
  }
  return rows;
}
