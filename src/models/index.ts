/** The models a database stores, in one list for `DbManager.init`. */
import { accountModel } from './account.js';
import { entryModel } from './entry.js';
import { grantModel } from './grant.js';
import { outboxModel } from './outbox.js';
import { reservationModel } from './reservation.js';
import { systemModel } from './system.js';

export const storedModels = [accountModel, grantModel, reservationModel, entryModel, outboxModel, systemModel];
