/** Batches whose rows share some of their values: what travels once, or not at all, is stored like all else. */
import assert from 'node:assert/strict';
import { expect, test } from 'vitest';
import { NAMING } from '../../../src/db/sql/postgres/columns.js';
import { formsOf } from '../../../src/db/sql/postgres/value-forms.js';
import { WriteShapes } from '../../../src/db/sql/postgres/write-shapes.js';
import { Table } from '../../../src/db/sql/table.js';
import type { Row, StoredValue } from '../../../src/ports/db-manager.js';
import { item, testModels } from '../../../src/testing/db-manager/models.js';
import { describePostgres } from '../../backends/postgres.js';
import { statuses, withBench } from './fixture.js';

const ROWS = 40;
const at = new Date('2026-03-01T10:00:00.123Z');

/** What each field may be: alike in all rows, absent from all, or of each row its own. */
const patterns: readonly ((n: number) => Record<string, StoredValue>)[] = [
  () => ({ label: 'one', amount: 7, rank: null, isHidden: null, madeAt: at, data: {}, extra: null, code: null }),
  (n) => ({ label: null, amount: n, rank: 3, isHidden: true, madeAt: at, data: [], extra: {}, code: `c${n}` }),
  (n) => ({ label: `l${n}`, amount: 0, rank: n, isHidden: n % 2 === 0, dueAt: at, data: { n }, extra: 'null' }),
  (n) => ({ label: n % 2 ? null : 'x', rank: n % 3 ? null : n, extra: n % 2 ? null : [null], data: n % 2 ? {} : [] }),
  (n) => ({ isOpen: true, dueAt: n === ROWS - 1 ? null : at, extra: n === 0 ? null : 0, slug: `same-${n}` }),
  (n) => ({ isOpen: n > 0, madeAt: new Date(at.getTime() + n), account: 'one account', slug: `s${n}`, data: 0 }),
  (n) => ({ amount: n === 20 ? 1 : 2, label: '\u{1f600}"\\', madeAt: new Date(-6e13), data: 'text', extra: false }),
];
/** Two patterns at once make combinations, more than there are statements for. */
const mixes = patterns.flatMap((a, i) => patterns.slice(i).map((b) => (n: number) => ({ ...a(n), ...b(n) })));

await describePostgres('large batches on PostgreSQL', (database) => {
  test('store what their rows share, what none has and what is of each its own', () =>
    withBench(database, async ({ db, models }) => {
      for (const [m, mix] of mixes.entries()) {
        const own = (n: number) => {
          const { code, slug } = mix(n) as { code?: string | null; slug?: string | null };
          return { code: code ? `${m}-${code}` : null, slug: slug ? `${m}-${slug}` : null };
        };
        const rows = Array.from({ length: ROWS }, (_, n) => item({ ...mix(n), ...own(n), id: `${m}/${n}` }));
        const model = models.item.name;
        const inserted = await db.commit(rows.map((row) => [{ op: 'insert', model, row }]));
        assert.deepEqual(
          statuses(inserted),
          rows.map(() => 'committed'),
        );
        assert.deepEqual(
          await db.getMany(
            model,
            rows.map(({ id }) => id as string),
          ),
          rows,
        );
        const next = rows.map(
          (row, n) => ({ ...row, ...patterns[(m + 1) % patterns.length]?.(n), ...own(n), version: 2 }) as Row,
        );
        // One is not at its version, and one wants a value that another row has.
        const changed = next.map((row, n) => (n === 5 ? { ...row, code: 'taken' } : row));
        if (m === 0) await db.commit([[{ op: 'insert', model, row: item({ id: 'owner', code: 'taken' }) }]]);
        const outcomes = await db.commit(
          changed.map((row, n) => [{ op: 'replace', model, row, expectedVersion: n === 3 ? 9 : 1 }]),
        );
        const wanted = rows.map((_, n) => (n === 3 ? 'conflict' : n === 5 ? 'duplicate' : 'committed'));
        assert.deepEqual(statuses(outcomes), wanted);
        const left = changed.map((row, n) => (n === 3 || n === 5 ? (rows[n] as Row) : row));
        assert.deepEqual(
          await db.getMany(
            model,
            rows.map(({ id }) => id as string),
          ),
          left,
        );
      }
    }));

  test('keep lists of one empty text or none apart, and texts that hold what stands between others', () =>
    withBench(database, async ({ db, models }) => {
      const model = models.item.name;
      const texts = ['', null, '\u001e', '\u001f', '\u001f\u001e\u001f', 'a\u001eb', '\u001e'.repeat(40), '{a,"b"}'];
      for (const [i, label] of texts.entries()) {
        const about = { account: label ?? '', label, extra: label, data: [label] };
        const [old, gone] = [item({ id: `old ${i}` }), item({ id: `gone ${i}` })];
        const rows = [item({ ...about, id: `${i}${label}` }), { ...old, ...about, version: 2 }];
        await db.commit([old, gone].map((row) => [{ op: 'insert', model, row }]));
        // Each kind of change has one row, in a list.
        const outcomes = await db.commit([
          [{ op: 'insert', model, row: rows[0] as Row }],
          [{ op: 'replace', model, row: rows[1] as Row, expectedVersion: 1 }],
          [{ op: 'delete', model, key: `gone ${i}`, expectedVersion: 1 }],
        ]);
        assert.deepEqual(statuses(outcomes), ['committed', 'committed', 'committed']);
        assert.deepEqual(await db.getMany(model, [`${i}${label}`, `old ${i}`, `gone ${i}`]), [...rows, null]);
        const again = await db.commit([
          [{ op: 'insert', model, row: rows[0] as Row }],
          [{ op: 'replace', model, row: rows[1] as Row, expectedVersion: 1 }],
        ]);
        assert.deepEqual(statuses(again), ['conflict', 'conflict']);
      }
    }));
});

test('there are few statements, and each batch takes one that can carry it', () => {
  const table = new Table(testModels().item, 'x_', 'public', NAMING);
  const shapes = new WriteShapes();
  const made = new Set<string>();
  const shapeOf = (rows: readonly Row[], ops: readonly ('insert' | 'replace')[]) => {
    const forms = formsOf(table.written, rows, []);
    const wanted = ops.map((op) => ({ table, op, isOne: false, forms }));
    const shape = shapes.shapeFor(wanted, (groups) => JSON.stringify([made.size, groups.length]));
    made.add(shape.text);
    for (const { op } of wanted) {
      const group = shape.groups.find((each) => each.op === op);
      for (const [j, form] of group?.forms.entries() ?? []) if (form !== 'list') expect(form).toBe(forms[j]);
      expect(group).toBeDefined();
    }
    return { shape, forms };
  };
  const rowsOf = (mix: (typeof mixes)[number]) => Array.from({ length: ROWS }, (_, n) => item(mix(n)));
  for (let round = 0; round < 50; round++) {
    for (const [i, mix] of mixes.entries()) {
      shapeOf(rowsOf(mix), (['insert', 'replace'] as const).slice(i % 3 === 0 ? 0 : 1, 2));
    }
  }
  expect(made.size).toBe(10);
  // What comes again and again has a text of its own, from the first ones on.
  const { shape, forms } = shapeOf(rowsOf(mixes[1] as (typeof mixes)[number]), ['replace']);
  expect(shape.groups).toMatchObject([{ op: 'replace', forms }]);
  const few = formsOf(table.written, [item({}), item({})], []);
  expect(new Set(few)).toEqual(new Set(['list']));
});
