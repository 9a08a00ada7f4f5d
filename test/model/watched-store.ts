/** The store as the instances of the library get it. */
import type { DbManager, InMemoryDbManager } from '../../src/index.js';

interface Seen {
  storeConflicts: number;
  accountReads: number;
}

/** A store that outlives the instances of the library on it, and tells of conflicts and of reads of accounts. */
export function watched(db: InMemoryDbManager, seen: Seen): DbManager<never> {
  const proxy = new Proxy(db, {
    get(target, property) {
      if (property === 'close') return async () => undefined;
      if (property === 'commit') {
        return async (...args: Parameters<InMemoryDbManager['commit']>) => {
          const outcomes = await target.commit(...args);
          for (const outcome of outcomes) if (outcome.status === 'conflict') seen.storeConflicts += 1;
          return outcomes;
        };
      }
      if (property === 'getMany') {
        return (...args: Parameters<InMemoryDbManager['getMany']>) => {
          if (args[0] === 'account') seen.accountReads += 1;
          return target.getMany(...args);
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return proxy as unknown as DbManager<never>;
}
