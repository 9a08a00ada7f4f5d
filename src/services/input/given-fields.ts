/** Fields of a stored row as a caller gives them: one that was left out is absent. */

/** An input of which any field may be left out. */
export type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The fields that have a value. */
export function definedFields<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const defined = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
