/** Finds the route of a method and a path, whatever the API is mounted at. */

import type { Route } from './route.js';
import { invalid, wireName } from './wire.js';

/** The route, with the texts in the path that its arguments stand for. */
export interface Found {
  readonly route: Route;
  readonly inPath: Readonly<Record<string, string>>;
}

interface Node {
  readonly named: Map<string, Node>;
  argument: Node | null;
  /** By method. */
  readonly routes: Map<string, Route>;
}

/**
 * A framework may have stripped the path that the API is mounted at, and that path may end as ours begin: mounted at
 * `/credits`, the balance of a user is at `/credits/balance/…` and not at `/credits/credits/balance/…`.
 */
const STRIPPED = ['', '/credits', '/admin', '/admin/credits'];

export class Router {
  readonly #root = newNode();
  readonly #basePath: string;

  constructor(routes: readonly Route[], basePath: string) {
    this.#basePath = basePath;
    for (const route of routes) {
      const parts = route.path.split('/').slice(1);
      const node = parts.reduce((at, part) => nodeBelow(at, part), this.#root);
      if (node.routes.has(route.method)) throw new Error(`Two routes: ${route.method} ${route.path}`);
      node.routes.set(route.method, route);
    }
  }

  /** The route, or the methods that the path takes; none for a path that there is not. */
  find(method: string, path: string): Found | readonly string[] {
    const rest = this.below(path);
    const methods = new Set<string>();
    for (const stripped of STRIPPED) {
      const parts = `${stripped}${rest}`.split('/').slice(1);
      if (parts.length > 1 && parts.at(-1) === '') parts.pop();
      const texts: string[] = [];
      const node = walk(this.#root, parts, 0, texts);
      const route = node?.routes.get(method);
      if (route) return { route, inPath: namedTexts(route, texts) };
      for (const other of node?.routes.keys() ?? []) methods.add(other);
    }
    return [...methods];
  }

  /** The path below the place where the API is mounted, where something is stripped or not. */
  below(path: string): string {
    const isBelow = path === this.#basePath || path.startsWith(`${this.#basePath}/`);
    return isBelow ? path.slice(this.#basePath.length) : path;
  }
}

function newNode(): Node {
  return { named: new Map(), argument: null, routes: new Map() };
}

function nodeBelow(at: Node, part: string): Node {
  if (part.startsWith('{')) {
    at.argument ??= newNode();
    return at.argument;
  }
  const below = at.named.get(part) ?? newNode();
  at.named.set(part, below);
  return below;
}

/** A name goes before an argument; `texts` gets those of the arguments, in order. */
function walk(at: Node, parts: readonly string[], depth: number, texts: string[]): Node | null {
  const part = parts[depth];
  if (part === undefined) return at.routes.size > 0 ? at : null;
  const named = at.named.get(part);
  const found = named ? walk(named, parts, depth + 1, texts) : null;
  if (found || !at.argument || part === '') return found;
  texts.push(part);
  const argument = walk(at.argument, parts, depth + 1, texts);
  if (!argument) texts.pop();
  return argument;
}

function namedTexts({ inPath }: Route, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    inPath.map((name, i) => {
      try {
        return [name, decodeURIComponent(texts[i] ?? '')];
      } catch {
        throw invalid(wireName(name), 'percent-encoded UTF-8');
      }
    }),
  );
}
