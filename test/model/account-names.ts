/** Accounts by name: of credits the user's own name, of another type `<type>/<user>`. */

/** Every user's type, and the one that some plans grant beside it or instead. */
export const CREDIT_TYPE = 'credits';
export const IMAGE = 'image';

export function nameOf(user: string, type: string): string {
  return type === CREDIT_TYPE ? user : `${type}/${user}`;
}

export function userOf(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}

export function typeOf(name: string): string {
  return name.includes('/') ? name.slice(0, name.indexOf('/')) : CREDIT_TYPE;
}

/** As the library stores it. */
export function keyOf(name: string): string {
  return `${typeOf(name)}/${userOf(name)}`;
}
