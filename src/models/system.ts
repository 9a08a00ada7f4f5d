/** Facts of the database itself: settings fixed at first use, registered sinks, leases of jobs. */
import { z } from 'zod';
import { accountOptionsSchema } from './account.js';
import { defineModel } from './define-model.js';
import type { JsonObject } from './values.js';

export const systemSchema = z.object({
  id: z.string().describe('Names the fact.'),
  version: z.int(),
  kind: z.enum(['settings', 'sink', 'queue', 'lease']).describe('The kind of the fact.'),
  value: z.custom<JsonObject>((value) => typeof value === 'object' && value !== null).describe('The fact itself.'),
  updatedAt: z.date().describe('When it was last written.'),
});
export type SystemRow = Readonly<z.infer<typeof systemSchema>>;

export const systemModel = defineModel('system', systemSchema, 'id', [
  { name: 'kind', fields: ['kind', 'updatedAt'], unique: false },
]);

/** The fact in the row of a sink: its name, the types of events that it wants, and whether it was taken off. */
export interface SinkValue {
  readonly name: string;
  /** Absent for all types. */
  readonly types?: readonly string[];
  readonly isRemoved?: boolean;
}

export function sinkOf({ value }: SystemRow): SinkValue {
  return value as JsonObject & SinkValue;
}

/** The one settings row. */
export const SETTINGS_ID = 'settings';

/** The row that tells that some process has a queue of notifications. */
export const QUEUE_ID = 'queue';

const { overdraftLimit, lowCreditThreshold, lowCreditHysteresis } = accountOptionsSchema.shape;

/** The defaults of a credit type that some process has stated, amounts in units. */
const statedDefaultsSchema = z.object({
  trialCredits: z.int().optional(),
  overdraftLimit: overdraftLimit.unwrap().optional(),
  lowCreditThreshold: lowCreditThreshold.optional(),
  lowCreditHysteresis,
});
export type StatedDefaults = Readonly<z.infer<typeof statedDefaultsSchema>>;

export const settingsSchema = z.object({
  ledgerId: z.string(),
  creditScale: z.int().min(0).max(6),
  events: z.enum(['standard', 'all']),
  eventMetadata: z.boolean().optional(),
  /** The credit types that any process has declared, with their defaults. */
  creditTypes: z.record(z.string(), statedDefaultsSchema).default({}),
  /** Whether every account has its lifetime totals, as in a database that no older version has written. */
  totals: z.literal('kept').optional(),
  limits: z
    .object({
      openGrants: z.int().optional(),
      activeReservations: z.int().optional(),
      lateUsageSeconds: z.int().optional(),
    })
    .default({}),
});
export type Settings = Readonly<z.infer<typeof settingsSchema>>;
