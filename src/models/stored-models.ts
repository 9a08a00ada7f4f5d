/** The models that a database stores, in one list for `DbManager.init`. */
import { accountModel } from './account.js';
import { cycleModel } from './cycle.js';
import { entryModel } from './entry.js';
import { grantModel } from './grant.js';
import { deadLetterModel, inboxModel } from './inbox.js';
import { noticeModel } from './notice.js';
import { notificationModel } from './notification.js';
import { outboxModel } from './outbox.js';
import { paymentMessageModel, paymentModel, providerRefModel } from './payment.js';
import { planModel } from './plan.js';
import { promoClaimModel, promoModel } from './promo.js';
import { providerCustomerModel, providerSubscriptionModel } from './provider-subscription.js';
import { reservationModel } from './reservation.js';
import { subscriptionModel } from './subscription.js';
import { systemModel } from './system.js';
import { topUpModel } from './top-up.js';

export const storedModels = [
  accountModel,
  grantModel,
  reservationModel,
  entryModel,
  outboxModel,
  notificationModel,
  noticeModel,
  systemModel,
  planModel,
  subscriptionModel,
  cycleModel,
  promoModel,
  promoClaimModel,
  paymentModel,
  providerRefModel,
  paymentMessageModel,
  providerSubscriptionModel,
  providerCustomerModel,
  topUpModel,
  inboxModel,
  deadLetterModel,
];
