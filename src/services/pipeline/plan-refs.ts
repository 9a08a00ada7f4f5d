/** Plans by what callers name them with: their id, or the code that the host gave them. */
import type { ReadOptions } from '../../models/inputs/credits.js';
import type { PlanRow } from '../../models/plan.js';
import { parseRef } from '../input/parse.js';
import type { RowReads } from './row-reads.js';

/** Ids of plans begin so, and no code does. */
export const PLAN_ID = 'p-';

/** An id as it is, a code in lower case. */
export function parsePlanRef(plan: unknown): string {
  const ref = parseRef(plan, 'plan');
  return ref.startsWith(PLAN_ID) ? ref : ref.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

export function readPlan<S>(reads: RowReads<S>, ref: string, options: ReadOptions<S>): Promise<PlanRow | null> {
  if (ref.startsWith(PLAN_ID)) return reads.get('plan', ref, options);
  return reads.findOne('plan', { index: 'code', equals: { code: ref } }, options);
}

/** The id of a plan; for a code that no plan has, the code, which is the id of none. */
export async function planIdOf<S>(reads: RowReads<S>, ref: string, options: ReadOptions<S>): Promise<string> {
  return ref.startsWith(PLAN_ID) ? ref : ((await readPlan(reads, ref, options))?.id ?? ref);
}
