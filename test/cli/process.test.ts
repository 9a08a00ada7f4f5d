/** The program as a process: what becomes of it when others leave. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../src/entries/cli.ts', import.meta.url));

test('a reader that leaves before the end stops the program without a crash', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', CLI, 'run', '--once', '--json', '--memory']);
  let told = '';
  child.stderr.on('data', (data) => {
    told += data;
  });
  child.stdout.destroy();
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(told).not.toMatch(/EPIPE|Unhandled/);
  expect(code).toBe(0);
});
