/** Facts of the database itself: settings fixed at first use, registered sinks, leases of jobs. */
import { z } from 'zod';
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

/** The fact in the row of a sink: its name, and whether it was taken off. */
export interface SinkValue {
  readonly name: string;
  readonly isRemoved?: boolean;
}

export function sinkOf({ value }: SystemRow): SinkValue {
  return value as JsonObject & SinkValue;
}

/** The one settings row. */
export const SETTINGS_ID = 'settings';

/** The row that tells that some process has a queue of notifications. */
export const QUEUE_ID = 'queue';

export const settingsSchema = z.object({
  ledgerId: z.string(),
  creditScale: z.int().min(0).max(6),
  events: z.enum(['standard', 'all']),
});
export type Settings = Readonly<z.infer<typeof settingsSchema>>;
