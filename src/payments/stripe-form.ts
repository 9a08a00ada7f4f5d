/** The form encoding of Stripe's API: `parent[child]=value`, and `list[0][child]=value`. */
import type { Json, JsonObject } from '../models/values.js';

export function formOf(params: JsonObject): string {
  const pairs: string[] = [];
  const add = (name: string, value: Json): void => {
    if (typeof value !== 'object' || value === null) pairs.push(`${encoded(name)}=${encoded(String(value))}`);
    else for (const [key, field] of Object.entries(value)) add(`${name}[${key}]`, field);
  };
  for (const [key, value] of Object.entries(params)) add(key, value);
  return pairs.join('&');
}

function encoded(text: string): string {
  // A lone surrogate would make the encoding throw.
  return encodeURIComponent(text.toWellFormed()).replaceAll('%5B', '[').replaceAll('%5D', ']');
}
