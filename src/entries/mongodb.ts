/**
 * credit-management/mongodb: credits in MongoDB, and inside your own transactions.
 * @module
 */

export type {
  MongoClientLike,
  MongoCollectionLike,
  MongoDatabaseLike,
  MongoSession,
} from '../db/mongodb/driver-types.js';
export { MongoDbManager } from '../db/mongodb/manager.js';
export type { MongoOptions } from '../db/mongodb/options.js';
