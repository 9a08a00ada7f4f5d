/**
 * credit-management/mongodb: credits in MongoDB, and inside your own transactions.
 * @module
 */

export type {
  CommandSettings as MongoCommandSettings,
  CountSettings as MongoCountSettings,
  DatabaseSettings as MongoDatabaseSettings,
  Document as MongoDocument,
  MongoClientLike,
  MongoCollectionLike,
  MongoDatabaseLike,
  MongoSession,
  ReadSettings as MongoReadSettings,
  TransactionSettings as MongoTransactionSettings,
} from '../db/mongodb/driver-types.js';
export { MongoDbManager } from '../db/mongodb/manager.js';
export type { MongoOptions } from '../db/mongodb/options.js';
