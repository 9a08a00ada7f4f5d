/** The bytes of one stored entry of every type, changed one at a time: each change must be named. */
import { expect, test } from 'vitest';
import type { Row } from '../../src/index.js';
import { entryTypeSchema } from '../../src/models/entry.js';
import { entriesOf, richWorld, type World } from '../support/audit-world.js';
import { BYTE_STEP, newTally, tamperBytes } from './audit-tamper.js';

/** No verb writes it yet. */
const UNREACHABLE = 'plan_changed';
const reachable = entryTypeSchema.options.filter((type) => type !== UNREACHABLE);

/** Of each type the entry with the longest text. */
export async function samplesOf({ db }: World): Promise<Map<string, Row>> {
  const samples = new Map<string, Row>();
  for (const row of await entriesOf(db)) {
    const type = row.type as string;
    const best = samples.get(type);
    if (!best || JSON.stringify(row).length > JSON.stringify(best).length) samples.set(type, row);
  }
  return samples;
}

/** Where another entry begins to exist, something of the account must be told; anywhere else the entry itself. */
const MOVING = ['id', 'account', 'seq', 'eventType'];

export function testBytes(part: 0 | 1): void {
  test('the rich ledger has every type that can be written', async () => {
    expect([...(await samplesOf(await richWorld())).keys()].sort()).toEqual([...reachable].sort());
  });

  for (const type of reachable.filter((_, i) => i % 2 === part)) {
    test(`single bytes of an entry of type ${type}`, async () => {
      const world = await richWorld();
      const original = (await samplesOf(world)).get(type) as Row;
      const entries = await entriesOf(world.db);
      const ofAccount = entries.filter((row) => row.account === original.account).map((row) => row.id as string);
      const tally = newTally();
      await tamperBytes(
        world,
        'entry',
        original,
        ({ field, row }) => [
          original.id as string,
          ...(MOVING.includes(field) ? [String(row.id), original.account as string, ...ofAccount] : []),
        ],
        tally,
      );
      console.log(`${type}: ${tally.checked} bytes changed, ${tally.fixed} that no byte can replace`);
      expect(tally.silent).toEqual([]);
      expect(tally.checked).toBeGreaterThan(300 / BYTE_STEP);
      expect(await world.manager.ledger.verify()).toMatchObject({ ok: true });
    });
  }
}
