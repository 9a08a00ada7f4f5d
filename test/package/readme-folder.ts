/** The first screen of README.md, followed to the letter in an empty folder; the tarball stands for the registry's. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.js';
import { readFirstScreen } from './readme-blocks.js';
import type { Tarball } from './tarball.js';

export function followReadme(parent: string, tarball: Tarball): void {
  const { install, program, output, run: start, file } = readFirstScreen();
  const folder = join(parent, 'readme');
  mkdirSync(folder);
  // Nobody answers a question of npx here: what the page does not install is not there.
  const shell = (line: string) => run('sh', ['-c', line], { cwd: folder, env: { npm_config_yes: 'false' } });
  shell('npm init -y');
  for (const line of install) shell(line.replace(/\bcredit-management\b/, tarball.path));
  writeFileSync(join(folder, file), `${program}\n`);
  assert.equal(shell(start).trim(), output);
}
