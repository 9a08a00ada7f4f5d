/** Plain value types used by every layer. */

/** Credits: exact, at most `creditScale` decimals. `tokens * price` needs `roundUpCredits()`. */
export type Amount = number | string;

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export type Awaitable<T> = T | Promise<T>;

/** One page, no total. `nextCursor` is null at the end. */
export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };

/** Part of a grant that a debit or a reservation takes. */
export interface Draw {
  readonly grantId: string;
  readonly amount: number;
}

/** `replayed`: an earlier call with the same key or the same final input had this result; nothing was repeated. */
export type Applied<T> = T & { readonly replayed: boolean };

/** A stored thing by its id; of an object, the id alone is read. */
export type Ref = string | { readonly id: string };
