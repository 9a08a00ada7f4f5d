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

test('openapi prints the document of the whole HTTP API, and needs no database', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', CLI, 'openapi']);
  let printed = '';
  child.stdout.on('data', (data) => {
    printed += data;
  });
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  const { openapi, paths } = JSON.parse(printed);
  expect(openapi).toBe('3.1.0');
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/credits/balance/{user_id}', '/admin/credits/add']));
});
