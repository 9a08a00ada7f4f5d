/** Models whose rows are decided on and written together with accounts. */
import type { CycleRow } from './cycle.js';
import type { PlanRow } from './plan.js';
import type { PromoClaimRow, PromoRow } from './promo.js';
import type { SubscriptionRow } from './subscription.js';

export interface SideRows {
  readonly plan: PlanRow;
  readonly subscription: SubscriptionRow;
  readonly cycle: CycleRow;
  readonly promo: PromoRow;
  readonly promo_claim: PromoClaimRow;
}
