/**
 * Runs every example in a process and a folder of its own: each must end with exit code 0 within five minutes. One that
 * says `not run: …`, because it has no server, counts as skipped.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Checks, Skip } from './checks.js';
import { runTypeScript } from './child.js';
import { ROOT } from './source-files.js';

const folder = join(ROOT, 'examples');
const names = readdirSync(folder).filter((name) => name.endsWith('.ts'));

const checks = new Checks();
for (const name of names.sort()) {
  await checks.run(`examples/${name}`, () => {
    const cwd = mkdtempSync(join(tmpdir(), 'credit-example-'));
    try {
      const output = runTypeScript(join(folder, name), { cwd, timeoutMs: 300_000 });
      const reason = /^not run: (.*)$/m.exec(output)?.[1];
      if (reason !== undefined) throw new Skip(reason);
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  });
}
checks.finish();
