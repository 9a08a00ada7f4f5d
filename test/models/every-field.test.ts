/** Each field of a stored model is shown to callers or hidden on purpose: a new one is found until it has its place. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { entryBody } from '../../src/core/entry-line.js';
import { grantFromStored, grantNumbers, grantToStored } from '../../src/core/open-grant.js';
import { grantFromRow, grantRow } from '../../src/core/rows.js';
import { termsOf } from '../../src/core/subscription-row.js';
import { type OpenGrant, openGrantSchema } from '../../src/models/account.js';
import { type EntryRow, entrySchema } from '../../src/models/entry.js';
import { type GrantRow, grantSchema } from '../../src/models/grant.js';
import { type PlanRow, planSchema } from '../../src/models/plan.js';
import { storedModels } from '../../src/models/stored-models.js';
import { misplaced, sampleOf, type Told, type Values } from './changed-fields.js';
import { ENTRY_OUTSIDE, KEY, SHOWN } from './shown-fields.js';

describe('every field of a stored row', () => {
  test.each(SHOWN)('is shown by $what, or hidden for a reason', async (shown) => {
    expect(await misplaced(shown)).toEqual([]);
  });

  test.each(SHOWN)('that is shown by $what is in its schema', async ({ what, fields, schema, tell, values }) => {
    const { error } = schema.safeParse(await tell(sampleOf(fields, values) as never));
    expect(error?.issues.map(({ path, message }) => `${what}, ${path.join('.')}: ${message}`) ?? []).toEqual([]);
  });

  test('is in the hash and in the line of an entry, or follows from others', async () => {
    const body: Told = {
      ...{ what: 'the hash of an entry', file: 'entryBody in src/core/entry-line.ts', fields: entrySchema },
      tell: (row: EntryRow) => entryBody(row, 'ledger'),
      hidden: { ...ENTRY_OUTSIDE, hash: 'is taken over all others' },
    };
    expect(await misplaced(body)).toEqual([]);
  });

  test('of a plan is in the terms that subscriptions keep, or does not concern them', async () => {
    const own = 'is read from the plan itself';
    const terms: Told = {
      ...{ what: 'a subscription', file: 'termsOf in src/core/subscription-row.ts', fields: planSchema },
      tell: (row: PlanRow) => termsOf(row),
      // A plan that renews by the clock has no days of grace.
      values: { renewOn: ['payment', 'clock'] } as Values,
      hidden: {
        ...{ code: own, description: own, price: own, currency: own, metadata: own, providerPrices: own },
        ...{ renewalTerms: own, isActive: own, deactivatedAt: own, createdAt: own, updatedAt: own },
      },
    };
    expect(await misplaced(terms)).toEqual([]);
  });

  test('of an open grant is in the row that it leaves, and the other way round', async () => {
    const account = { key: 'credits/u', userId: 'u', creditType: 'credits' };
    const common = { file: 'src/core/rows.ts', values: { amount: [8, 9], remaining: [5, 6] } as Values };
    const row: Told = {
      ...{ what: 'the row of a grant', fields: openGrantSchema, ...common },
      tell: (grant: OpenGrant) => grantRow(account, grant, grant.rowVersion),
      hidden: {},
    };
    const back: Told = {
      ...{ what: 'an open grant', fields: grantSchema, ...common },
      tell: ({ version, ...grant }: GrantRow) => grantFromRow({ version, ...grant }, version),
      hidden: { account: KEY, userId: 'the account has it', creditType: 'the account has it', open: 'it is' },
    };
    expect([...(await misplaced(row)), ...(await misplaced(back))]).toEqual([]);
  });

  test('of an open grant is in the form that its account stores, whole, touched or lapsed late', async () => {
    const whole: Values = {
      remaining: [3_000_000, 7],
      held: [0, 7],
      expired: [0, 7],
      revoked: [0, 7],
      rowVersion: [1, 7],
    };
    const early = openGrantSchema.omit({ expiredLate: true });
    const forms = [
      { form: ['string', null], fields: early, values: whole },
      { form: ['string', expect.any(Array)], fields: early, values: { ...whole, held: [1, 0] } as Values },
      { form: ['object', null], fields: openGrantSchema, values: whole },
    ];
    for (const { form, fields, values } of forms) {
      const sample = sampleOf(fields, values) as OpenGrant;
      expect([typeof grantToStored(sample), grantNumbers(sample)]).toEqual(form);
      const kept: Told = {
        ...{ what: 'a stored grant', file: 'src/core/open-grant.ts', fields, hidden: {}, values },
        tell: (grant: OpenGrant) => {
          const [stored, numbers] = JSON.parse(JSON.stringify([grantToStored(grant), grantNumbers(grant)]));
          expect(grantFromStored(stored, numbers)).toEqual(grant);
          return [stored, numbers];
        },
      };
      expect(await misplaced(kept)).toEqual([]);
    }
  });
});

/** Models that callers are told nothing of, row by row. */
const OWN = {
  outbox: 'a sink is given the event alone',
  notice: 'remembers what was announced',
  provider_customer: 'finds the user of what a provider tells',
  provider_ref: 'finds a payment by what its provider calls it',
  provider_subscription: 'is told by the subscription and its grants',
  system: 'facts of the database itself',
};

test("every stored model is shown by an answer, or is the library's own", () => {
  const shown = new Set<unknown>(SHOWN.map(({ fields }) => fields));
  const hidden = storedModels.filter(({ schema }) => !shown.has(schema)).map(({ name }) => name);
  expect(hidden.sort()).toEqual(Object.keys(OWN).sort());
});

describe('a field without a place is found', () => {
  test.each(SHOWN)('planted for $what', async (shown) => {
    const fields = z.object({ ...shown.fields.shape, planted: z.string() });
    const { ...picked } = shown;
    // A view that hands on whatever a row has is refused by the schema of its answer instead.
    const found = await misplaced({ ...picked, fields });
    const { error } = shown.schema.safeParse(await shown.tell(sampleOf(fields, shown.values) as never));
    const strange = error?.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [])) ?? [];
    expect([...found, ...strange]).toEqual([expect.stringContaining('planted')]);
  });

  test.each(['planted', 'plantedCount'])('in the body of an entry: %s', async (name) => {
    const fields = z.object({ ...entrySchema.shape, [name]: name === 'planted' ? z.string().nullable() : z.int() });
    const tell = (row: EntryRow) => entryBody(row, 'ledger');
    const hidden = { ...ENTRY_OUTSIDE, hash: 'is taken over all others' };
    expect(await misplaced({ what: 'the hash', file: 'entryBody', fields, tell, hidden })).toEqual([
      expect.stringContaining(`says nothing of ${name}`),
    ]);
  });

  test('and a list that hides what is shown, or what is gone, is found too', async () => {
    const [plan] = SHOWN as [(typeof SHOWN)[number]];
    const hidden = { ...plan.hidden, name: 'no reason', gone: 'no reason' };
    expect(await misplaced({ ...plan, hidden })).toEqual([
      'a plan says name, which the list calls hidden',
      'a plan: the list hides gone, which is no field',
    ]);
  });
});
