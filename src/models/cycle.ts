/** Cycles: credits for some days, once or again and again, without a plan. Written together with the user's account. */
import { z } from 'zod';
import { defineModel } from './define-model.js';

export const cycleStatusSchema = z.enum(['active', 'canceled', 'ended']);
export type CycleStatus = z.infer<typeof cycleStatusSchema>;

export const cycleSchema = z.object({
  id: z.string(),
  version: z.int(),
  userId: z.string(),
  creditType: z.string(),
  amount: z.int(),
  days: z.int(),
  recurring: z.boolean(),
  status: cycleStatusSchema,
  /** The first period's start; the current one ends `periods` times `days` after it. */
  anchor: z.date(),
  periods: z.int(),
  start: z.date(),
  end: z.date(),
  dueAt: z.date().nullable(),
  createdAt: z.date(),
});
export type CycleRow = Readonly<z.infer<typeof cycleSchema>>;

export const cycleModel = defineModel('cycle', cycleSchema, 'id', [
  { name: 'user', fields: ['userId', 'createdAt'], unique: false },
  { name: 'due', fields: ['dueAt'], unique: false },
]);
