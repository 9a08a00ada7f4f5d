/** Cycles: credits for some days, once or again and again, without a plan. A row is written with the user's account. */
import { z } from 'zod';
import { defineModel } from './define-model.js';

export const cycleStatusSchema = z.enum(['active', 'canceled', 'ended']);
export type CycleStatus = z.infer<typeof cycleStatusSchema>;

export const cycleSchema = z.object({
  id: z.string().describe('Names the cycle for ever.'),
  version: z.int(),
  userId: z.string().describe('The user who has it.'),
  creditType: z.string().describe('The credit type.'),
  amount: z.int().describe('Micro-units of one cycle.'),
  days: z.int().describe('Days that one cycle lasts.'),
  recurring: z.boolean().describe('Whether another cycle follows, until it is stopped.'),
  status: cycleStatusSchema.describe('The status when it was last written.'),
  anchor: z.date().describe("The first period's start; the current one ends `periods` times `days` after it."),
  periods: z.int().describe('The number of the current period, from 1.'),
  start: z.date().describe('Start of the current period.'),
  end: z.date().describe('End of the current period.'),
  dueAt: z.date().nullable().describe('The next instant at which the allocation job has something to do.'),
  createdAt: z.date().describe('When it was made.'),
});
export type CycleRow = Readonly<z.infer<typeof cycleSchema>>;

export const cycleModel = defineModel('cycle', cycleSchema, 'id', [
  { name: 'user', fields: ['userId', 'createdAt'], unique: false },
  { name: 'due', fields: ['dueAt'], unique: false },
]);
