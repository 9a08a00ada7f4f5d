/** Which requests cost credits, by their paths. */
import type { Deduction } from './options.js';

/**
 * Whether a request is charged. `targets` are its path as the client sent it and as the router sees it: one that may
 * lead to a route that costs credits is enough, and all have to be free for it to be free.
 *
 * Routers decode paths, ignore the case of letters and join slashes, each in its own way. So a path is compared with
 * the prefix in its widest reading, and with a free path letter by letter.
 */
export function isCharged({ prefix, skip }: Deduction<unknown>['paths'], targets: readonly string[]): boolean {
  return targets.flatMap(readings).some((target) => {
    // A target such as http://host/path, or *: routers read the path out of it in ways of their own.
    if (!target.startsWith('/')) return true;
    const [path = ''] = target.split(/[?#]/);
    return isWithin(widest(path), prefix) && !isFree(path, skip);
  });
}

/** A target as it is, and as handlers read it that route by `new URL(request.url, base).pathname`. */
function readings(target: string): string[] {
  return URL.canParse(target, 'http://h') ? [target, new URL(target, 'http://h').pathname] : [target];
}

function isWithin(path: string, prefix: string): boolean {
  return (
    path.startsWith(prefix) &&
    (prefix === '' || path.length === prefix.length || /[/;]/.test(path[prefix.length] as string))
  );
}

function isFree(path: string, skip: readonly string[]): boolean {
  if (/[%\\;]|\/\/|\/\.\.?(\/|$)/.test(path)) return false;
  return skip.some((free) => path === free || path.startsWith(`${free}/`));
}

function widest(path: string): string {
  return decoded(path)
    .replace(/[/\\]+/g, '/')
    .toLowerCase();
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path.replace(/%[0-7][0-9a-f]/gi, (code) => decodeURIComponent(code));
  }
}
