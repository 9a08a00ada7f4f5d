/** Cycles: credits for some days, once or again and again, without a plan. */
import { z } from 'zod';
import { cycleStatusSchema } from '../cycle.js';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant } from './fields.js';

export const CycleSchema = strictObject({
  /** Names the cycle for ever. */
  id: identifier.describe('Names the cycle for ever.'),
  /** The user who has it. */
  userId: identifier.describe('The user who has it.'),
  /** The credit type that it grants. */
  creditType: identifier.describe('The credit type that it grants.'),
  /** Credits of one cycle. */
  amount: credits.min(0).describe('Credits of one cycle; 0 for one without a grant.'),
  /** Days that one cycle lasts. */
  days: z.int().min(1).describe('Days that one cycle lasts.'),
  /** Whether another cycle follows, until it is stopped. */
  recurring: z.boolean().describe('Whether another cycle follows, until it is stopped.'),
  /** Whether it is active, was stopped, or has ended. */
  status: cycleStatusSchema.describe('Whether it is active, was stopped, or has ended.'),
  /** The start of the current cycle. */
  start: instant.describe('The start of the current cycle.'),
  /** The end of the current cycle. */
  end: instant.describe('The end of the current cycle.'),
  /** The instant at which the first one was started. */
  createdAt: instant.describe('The instant at which the first one was started.'),
});
export interface Cycle extends Readonly<z.infer<typeof CycleSchema>> {}
