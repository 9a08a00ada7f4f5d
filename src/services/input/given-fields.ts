/** Drops the fields that a caller left out. */

/** An input in which every field is optional. */
export type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The fields that have a value. */
export function definedFields<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const defined = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
