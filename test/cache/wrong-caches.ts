/** Caches that are wrong in one place each, and the tests of the conformance suite that find it. */
import type { CacheBackend } from '../../src/index.js';
import { sleep } from '../support/wait.js';

interface Entry {
  readonly value: string;
  readonly version: number;
  readonly until: number;
}

/** A right cache, in parts that can be exchanged. */
export class PlainCache implements CacheBackend {
  entries = new Map<string, Entry>();
  nameOf = (key: string): string => key;
  isOver = ({ until }: Entry): boolean => until <= performance.now();
  refuses = (current: Entry, version: number): boolean => current.version > version;

  current(key: string): Entry | undefined {
    const entry = this.entries.get(this.nameOf(key));
    return entry && !this.isOver(entry) ? entry : undefined;
  }

  get = async (key: string): Promise<string | null> => this.current(key)?.value ?? null;

  set = async (key: string, value: string, { version, ttlMs }: { version: number; ttlMs: number }): Promise<void> => {
    const current = this.current(key);
    if (current && this.refuses(current, version)) return;
    this.entries.set(this.nameOf(key), { value, version, until: performance.now() + ttlMs });
  };

  delete = async (key: string): Promise<void> => {
    this.entries.delete(this.nameOf(key));
  };

  close?: () => Promise<void>;
}

type Set = PlainCache['set'];
export type WrongCache = readonly [what: string, make: () => CacheBackend, found: readonly string[]];

/** `change` is given the cache and its `set` as it was. */
function wrong(
  what: string,
  change: (cache: PlainCache, set: Set) => Partial<PlainCache & CacheBackend>,
  ...found: readonly string[]
): WrongCache {
  const make = () => {
    const cache = new PlainCache();
    return Object.assign(cache, change(cache, cache.set));
  };
  return [what, make, found];
}

const GONE = 'a value is gone when its time is over';
const ANEW = 'an equal or newer version starts the time anew';
const NUMBERS = 'versions are numbers, from 0 to the largest safe integer';
const ANY_ORDER = 'of 100 versions set at once in any order the newest stays, with its own value';
const KEYS = 'a key is text, whatever it looks like, and no two are one';
const VALUES = 'a value is text, whatever it looks like';
const AS_SET = 'a value is read as it was set, as often as it is read';
const AFTER_TIME = 'when its time is over any version is kept, an older one too';

export const wrongCaches: readonly WrongCache[] = [
  wrong(
    'has no guard of versions',
    () => ({ refuses: () => false }),
    'an older version never replaces a newer one',
    'the newest stays too when two clients set at once',
    'who has set a version reads it or a newer one, whatever is set meanwhile',
    ANY_ORDER,
  ),
  wrong(
    'compares versions in one step and writes in another',
    (cache) => ({
      set: async (key, value, { version, ttlMs }) => {
        const current = cache.current(key);
        await sleep(version % 3);
        if (current && cache.refuses(current, version)) return;
        cache.entries.set(key, { value, version, until: performance.now() + ttlMs });
      },
    }),
    ANY_ORDER,
  ),
  wrong(
    'compares versions as texts',
    () => ({ refuses: (current, version) => String(current.version) > String(version) }),
    NUMBERS,
  ),
  wrong(
    'keeps versions in 32 bits',
    () => ({ refuses: (current, version) => (current.version | 0) > (version | 0) }),
    NUMBERS,
  ),
  wrong(
    'refuses an equal version',
    () => ({ refuses: (current, version) => current.version >= version }),
    'an equal version replaces',
    ANEW,
  ),
  wrong('ignores times', () => ({ isOver: () => false }), GONE, AFTER_TIME),
  wrong(
    'takes milliseconds for seconds',
    (_, set) => ({ set: (key, value, entry) => set(key, value, { ...entry, ttlMs: entry.ttlMs * 1_000 }) }),
    GONE,
  ),
  wrong(
    'takes seconds for milliseconds',
    (_, set) => ({ set: (key, value, entry) => set(key, value, { ...entry, ttlMs: entry.ttlMs / 1_000 }) }),
    ANEW,
  ),
  wrong(
    'has a time of whole seconds, rounded down to none for a short one',
    (_, set) => ({
      set: (key, value, { version, ttlMs }) =>
        set(key, value, { version, ttlMs: Math.floor(ttlMs / 1_000) * 1_000 || Number.POSITIVE_INFINITY }),
    }),
    GONE,
    'a time of a week, and of a millisecond',
  ),
  wrong(
    'keeps the time of the first set',
    (cache, set) => ({
      set: (key, value, { version, ttlMs }) => {
        const until = cache.current(key)?.until;
        return set(key, value, { version, ttlMs: until === undefined ? ttlMs : until - performance.now() });
      },
    }),
    ANEW,
  ),
  wrong(
    'starts the time anew for an older version',
    (cache, set) => ({
      set: async (key, value, entry) => {
        await set(key, value, entry);
        const current = cache.current(key);
        if (current) cache.entries.set(key, { ...current, until: performance.now() + entry.ttlMs });
      },
    }),
    'an older version does not touch the time of a newer one',
  ),
  wrong(
    'lengthens the time with every read',
    (cache) => ({
      get: async (key) => {
        const current = cache.current(key);
        if (current) cache.entries.set(key, { ...current, until: current.until + 1_000 });
        return current?.value ?? null;
      },
    }),
    'a value stays for its time, and reading neither ends nor lengthens it',
  ),
  wrong(
    'guards a version beyond its time',
    (cache, set) => ({
      set: async (key, value, entry) => {
        const old = cache.entries.get(key);
        if (!old || old.version <= entry.version) await set(key, value, entry);
      },
    }),
    AFTER_TIME,
  ),
  wrong(
    'remembers versions of what was deleted',
    (cache, set) => ({
      delete: async (key) => {
        const current = cache.entries.get(key);
        if (current) cache.entries.set(key, { ...current, until: performance.now() });
      },
      set: async (key, value, entry) => {
        const old = cache.entries.get(key);
        if (!old || old.version <= entry.version) await set(key, value, entry);
      },
    }),
    'after a delete any version is kept, an older one too',
  ),
  wrong(
    'keeps the first value it was given',
    (cache, set) => ({ set: async (...args) => (cache.current(args[0]) ? undefined : set(...args)) }),
    'a newer version replaces',
  ),
  wrong('deletes nothing', () => ({ delete: async () => {} }), 'deleted is gone; deleting nothing is harmless'),
  wrong(
    'deletes by pattern',
    (cache) => ({
      delete: async (key) => {
        const pattern = new RegExp(`^${key.replaceAll(/[.+^${}()|\\[\]]/g, '.').replaceAll('*', '.*')}$`);
        for (const name of [...cache.entries.keys()]) if (pattern.test(name)) cache.entries.delete(name);
      },
    }),
    KEYS,
  ),
  wrong('takes keys of different case for one', () => ({ nameOf: (key) => key.toLowerCase() }), KEYS),
  wrong('normalises keys', () => ({ nameOf: (key) => key.normalize('NFC') }), KEYS),
  wrong('trims keys', () => ({ nameOf: (key) => key.trim() }), KEYS),
  wrong('takes one separator for another', () => ({ nameOf: (key) => key.replaceAll('/', ':') }), KEYS),
  wrong('cuts keys off', () => ({ nameOf: (key) => key.slice(0, 250) }), 'keys and values of 2 KB'),
  wrong(
    'keeps everything under one key',
    () => ({ nameOf: () => 'key' }),
    'keys are independent',
    'the version of one key says nothing of another',
  ),
  wrong(
    'looks into the prototype of an object',
    (cache) => ({
      get: async (key) => (key in {} ? String(Reflect.get({}, key)) : (cache.current(key)?.value ?? null)),
    }),
    'a property that every object has is no value',
  ),
  wrong(
    'takes an empty value for none',
    (cache) => ({ get: async (key) => cache.current(key)?.value || null }),
    VALUES,
    'an empty value is a value: it is not null and has a version',
  ),
  wrong(
    'reads values as JSON',
    (cache) => ({
      get: async (key) => {
        const value = cache.current(key)?.value ?? null;
        return value?.startsWith('[') ? (JSON.parse(value) as string) : value;
      },
    }),
    VALUES,
  ),
  wrong(
    'keeps a character in one byte',
    (_, set) => ({
      set: (key, value, entry) => set(key, Buffer.from(value, 'latin1').toString('latin1'), entry),
    }),
    VALUES,
    'keys and values of 2 KB',
  ),
  wrong(
    'answers undefined for nothing',
    (cache) => ({ get: async (key) => cache.current(key)?.value as unknown as null }),
    'a key that was never set is null',
  ),
  wrong(
    'answers values instead of promises',
    (cache) => ({ delete: (key) => void cache.entries.delete(key) as unknown as Promise<void> }),
    'every verb answers a promise',
  ),
  wrong(
    'says that a set is done before it is',
    (_, set) => ({ set: async (...args) => void sleep(5).then(() => set(...args)) }),
    AS_SET,
    'an equal version replaces',
  ),
  wrong(
    'gives a value once',
    (cache) => ({
      get: async (key) => {
        const value = cache.current(key)?.value ?? null;
        cache.entries.delete(key);
        return value;
      },
    }),
    AS_SET,
  ),
  wrong(
    'cannot be closed twice',
    () => {
      let closed = false;
      const close = async () => {
        if (closed) throw new Error('closed already');
        closed = true;
      };
      return { close };
    },
    'close resolves, twice and at once too, where there is one',
  ),
  wrong(
    'answers at once by what it had first',
    (cache) => {
      const first = new Map<string, string>();
      const peek = (key: string) => {
        const known = first.get(key) ?? cache.current(key)?.value ?? null;
        if (known !== null) first.set(key, known);
        return known;
      };
      return { peek };
    },
    'a cache that answers at once answers the same',
  ),
];
