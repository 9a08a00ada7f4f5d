/** Plain value types used by every layer. */

/** Credits: exact, at most `creditScale` decimals. `tokens * price` needs `roundUpCredits()`. */
export type Amount = number | string;

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/**
 * Metadata as callers give it: a plain object of JSON values, at most 16 KiB. The value of an `interface` fits, which
 * has no index signature. Arrays, maps, dates and functions do not fit, and any other value that is no JSON is refused
 * as `INVALID_ARGUMENT`.
 */
export type Metadata = JsonObject | (object & NoCollection);

/** Leaves out arrays, maps, dates and functions. */
export interface NoCollection {
  /** Arrays, maps and sets have it. */
  readonly [Symbol.iterator]?: never;
  /** Dates have it. */
  readonly [Symbol.toPrimitive]?: never;
  /** Functions have it. */
  readonly [Symbol.hasInstance]?: never;
}

export type Awaitable<T> = T | Promise<T>;

/** The same object while it is being made. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One page, no total. `nextCursor` is null at the end. */
export type Page<T> = {
  /** The rows of this page. */
  readonly items: readonly T[];
  /** Given as `cursor`, it answers the next page; null at the end. */
  readonly nextCursor: string | null;
};

/** Part of a grant that a debit or a reservation takes. */
export interface Draw {
  /** The grant that was taken from. */
  readonly grantId: string;
  /** Credits that were taken from it. */
  readonly amount: number;
}

/** A stored thing by its id; of an object, the id alone is read. */
export type Ref = string | { readonly id: string };
