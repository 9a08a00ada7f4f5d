/** The objects that calls work with once there is a client. */
import type { MongoClientLike, MongoDatabaseLike } from './driver-types.js';
import type { Opened } from './options.js';
import { SessionCalls } from './session-calls.js';
import { Sessions } from './session-pool.js';

export interface Connection {
  readonly client: MongoClientLike;
  readonly db: MongoDatabaseLike;
  readonly sessions: Sessions;
  readonly calls: SessionCalls;
}

export function connectionOf(client: MongoClientLike, { dbName, timeoutMs }: Opened): Connection {
  // However the client was made: integers are numbers, and reads go to the primary.
  const bson = { promoteLongs: true, promoteValues: true, useBigInt64: false, ignoreUndefined: false };
  const db = client.db(dbName, { readPreference: 'primary', ...bson });
  return { client, db, sessions: new Sessions(client, db), calls: new SessionCalls(client, db, timeoutMs) };
}
