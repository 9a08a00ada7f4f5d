/** The file `credit-management.config.json` or `.ts`, which says the same as environment variables do. */
import { existsSync, readFileSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { creditError } from '../errors.js';
import type { Environment } from './read.js';
import { variableNames } from './variables.js';

export interface ConfigFile {
  readonly name: string;
  /** By the names of the variables, as texts. */
  readonly values: Environment;
}

const NAMES = ['credit-management.config.json', 'credit-management.config.ts'] as const;

/**
 * Reads the file of a folder; null where there is none. JSON holds an object of variables, and a module exports one by
 * default.
 *
 * @throws CONFIGURATION with everything that is wrong with it
 */
export async function readConfigFile(folder: string): Promise<ConfigFile | null> {
  const there = NAMES.filter((name) => existsSync(join(folder, name)));
  const [name] = there;
  if (name === undefined) return null;
  if (there.length > 1) throw wrong(`${there.join(' and ')} are both there; keep one`);
  const content = await contentOf(join(folder, name), name);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw wrong(`${name} holds no object of variables`);
  }
  const known = new Set<string>(variableNames);
  const entries = Object.entries(content);
  const problems = entries.flatMap(([variable, value]) => {
    if (!known.has(variable)) return [`${name} has ${variable}, which nothing reads`];
    return isPlain(value) ? [] : [`${variable} in ${name} is neither text, number, true nor false`];
  });
  if (problems.length > 0) throw wrong(...problems);
  return { name, values: Object.fromEntries(entries.map(([variable, value]) => [variable, String(value)])) };
}

/** Calls `changed` whenever the file of a folder was written. The function that it returns ends that. */
export function watchConfigFile(folder: string, changed: () => void): () => void {
  const watcher = watch(folder, (_, name) => {
    if (name === null || NAMES.some((one) => one === name)) changed();
  });
  return () => watcher.close();
}

async function contentOf(path: string, name: string): Promise<unknown> {
  try {
    if (name.endsWith('.json')) return JSON.parse(readFileSync(path, 'utf8'));
    // A module is loaded once by its URL, and the file may change.
    const url = `${pathToFileURL(path).href}?changed=${statSync(path).mtimeMs}`;
    return ((await import(url)) as { readonly default?: unknown }).default;
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message: string };
    if (code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw wrong(`${name} cannot be read: ${message}`);
    throw wrong(`this Node.js reads no TypeScript: run it with --import tsx, or write ${NAMES[0]}`);
  }
}

function isPlain(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function wrong(...problems: readonly string[]) {
  return creditError('CONFIGURATION', `The configuration is wrong: ${problems.join('; ')}.`, {
    problems: [...problems],
  });
}
