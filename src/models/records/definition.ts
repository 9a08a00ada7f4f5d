/** The changes that a list of plans, or of promo codes, made in the database. */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';

const codes = z.array(z.string()).readonly();
const changeSchema = strictObject({
  code: z.string().describe('The code of the one that was changed.'),
  fields: z.array(z.string()).readonly().describe('The names of the fields that were changed.'),
});

export const DefinitionReportSchema = strictObject({
  /** The codes of those that this call made. */
  created: codes.describe('The codes of those that this call made.'),
  /** Those that this call changed, each with the names of the changed fields. */
  changed: z
    .array(changeSchema.readonly())
    .readonly()
    .describe('Those that this call changed, each with the names of the changed fields.'),
  /** The codes of those that were as defined, or that another process has just made so. */
  unchanged: codes.describe('The codes of those that were as defined, or that another process has just made so.'),
  /** The codes of active ones that the list does not have. */
  missing: codes.describe('The codes of active ones that the list does not have.'),
  /** The codes of missing ones that this call deactivated, as it was asked to. */
  deactivated: codes.describe('The codes of missing ones that this call deactivated, as it was asked to.'),
});
/** The answer of `definePlans` and `definePromos`: each code, by what was done with it. */
export interface DefinitionReport extends Readonly<z.infer<typeof DefinitionReportSchema>> {}
