/** A claw-back, which no public verb makes yet: decided by the core and committed as the library would. */

import { decide } from '../../src/core/decide.js';
import type { Context } from '../../src/core/decision.js';
import { accountFromRow, accountToRow } from '../../src/core/rows.js';
import type { Row, Unit } from '../../src/index.js';
import type { AccountRow } from '../../src/models/account.js';
import type { AnyDb } from '../support/audit-world.js';

const DEFAULTS = { trialCredits: 0, overdraftLimit: null, lowCreditThreshold: null, lowCreditHysteresis: 0 };

export async function clawBack(
  db: AnyDb,
  now: Date,
  userId: string,
  credits: number,
  grantIds: readonly string[],
  reference: string,
): Promise<string> {
  const [settings] = await db.getMany('system', ['settings']);
  const { ledgerId } = (settings as Row).value as { ledgerId: string };
  const [found] = await db.getMany('account', [`credits/${userId}`]);
  const row = found as unknown as AccountRow;
  const operationId = `claw-${reference}`;
  const context: Context = {
    now: now.getTime(),
    scale: 6,
    ledgerId,
    defaults: DEFAULTS,
    defaultsOf: () => DEFAULTS,
    temporal: null,
    limits: { openGrants: 1_000, activeReservations: 1_000, lateUsageMs: 0 },
    allEvents: false,
    eventMetadata: false,
    facts: { reversals: () => [], lapses: () => [], row: () => null },
  };
  const none = { description: null, actor: null, reason: null, correlationId: null, metadata: {} };
  const unkeyed = { idempotencyKey: null, scopedKey: null, fingerprint: null };
  const decision = decide(
    [accountFromRow(row)],
    { type: 'claw_back', amount: credits * 1_000_000, grantIds, reference },
    { operation: 'claw_back', operationId, ...none, ...unkeyed },
    context,
  );
  if (decision.kind !== 'applied') throw new Error(`not applied: ${decision.kind}`);
  const unit = decision.changes.flatMap(
    ({ account, entries, grants }): Unit => [
      ...entries.map((entry) => ({ op: 'insert', model: 'entry', row: entry.row as unknown as Row }) as const),
      ...grants.map(
        (grant) =>
          ({
            op: 'replace',
            model: 'grant',
            row: grant.row as unknown as Row,
            expectedVersion: grant.row.version - 1,
          }) as const,
      ),
      {
        op: 'replace',
        model: 'account',
        row: accountToRow(account, row.version + 1) as unknown as Row,
        expectedVersion: row.version,
      },
    ],
  );
  const [outcome] = await db.commit([unit]);
  if (outcome?.status !== 'committed') throw new Error(`not committed: ${JSON.stringify(outcome)}`);
  return operationId;
}
