/** Which room of `src/services` may import which: leftward only, and rooms of one column never one another. */
import { posix } from 'node:path';
import { importsOf } from './layers.js';
import type { SourceFiles } from './source-files.js';

/** The columns from left to right: a room may import rooms of the columns to its left. */
export const COLUMNS: readonly (readonly string[])[] = [
  ['input', 'store'],
  ['pipeline'],
  ['credits', 'plans', 'promos', 'ledger', 'outbox', 'notifications', 'payments', 'usage'],
  ['inbox'],
  ['jobs'],
  ['manager'],
];

const ROOT = 'src/services/';

/** One sentence for each import that breaks the table. */
export function brokenRooms(files: SourceFiles): string[] {
  const problems: string[] = [];
  for (const [path, text] of files) {
    if (!path.startsWith(ROOT)) continue;
    const room = roomOf(path);
    const column = columnOf(room);
    if (column < 0) {
      problems.push(`${path}: the table has no room "${room}"`);
      continue;
    }
    for (const specifier of importsOf(text)) {
      const target = posix.join(posix.dirname(path), specifier);
      if (!specifier.startsWith('.') || !target.startsWith(ROOT)) continue;
      const other = roomOf(target);
      if (other !== room && columnOf(other) >= column) problems.push(`${path}: ${room} may not import ${other}`);
    }
  }
  return problems;
}

/** Files that import each other in a loop, one loop for each file that closes one. */
export function importLoops(files: SourceFiles): string[] {
  const loops: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    const at = trail.indexOf(path);
    if (at >= 0) loops.push([...trail.slice(at), path].join(' -> '));
    if (at >= 0 || done.has(path)) return;
    done.add(path);
    for (const specifier of importsOf(files.get(path) ?? '')) {
      if (!specifier.startsWith('.')) continue;
      const target = posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');
      if (files.has(target)) visit(target, [...trail, path]);
    }
  };
  for (const path of files.keys()) visit(path, []);
  return loops;
}

function roomOf(path: string): string {
  const [room = '', file] = path.slice(ROOT.length).split('/');
  return file === undefined ? '' : room;
}

function columnOf(room: string): number {
  return COLUMNS.findIndex((rooms) => rooms.includes(room));
}
