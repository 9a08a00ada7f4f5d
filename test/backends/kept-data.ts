/** Copies of the data of a server that is dead. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Loss } from './by-adapter.js';

/** `cp -a` keeps the owner of the files, which is not who runs the tests. */
export function copyFolder(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  execFileSync('cp', ['-a', from, to]);
}

/** A backup that is put back. */
export function backup(data: string, kept: string): Loss {
  return { name: 'a backup', prepare: () => copyFolder(data, kept), lose: () => copyFolder(kept, data) };
}
