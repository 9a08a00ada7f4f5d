/** Copies of the data of a server that is dead. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { KillableServer } from './by-adapter.js';

export function keptData(data: string, kept: string): Pick<KillableServer, 'keep' | 'restore'> {
  // `cp -a` keeps the owner of the files, which is not who runs the tests.
  const copy = (from: string, to: string) => {
    rmSync(to, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    execFileSync('cp', ['-a', from, to]);
  };
  return { keep: () => copy(data, kept), restore: () => copy(kept, data) };
}
