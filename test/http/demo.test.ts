/** `npm run demo`: the commands that it prints, run by the real curl, and Ctrl-C in the middle of a stream. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../package/source-files.js';

const LAST_LINE = 'Ctrl-C ends it.\n';

let demo: ChildProcess;
let printed = '';

beforeAll(async () => {
  const args = ['--import', 'tsx', 'examples/demo.ts', '--stay'];
  demo = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    demo.once('exit', (code) => reject(new Error(`The demo ended with ${code}.`)));
    demo.stdout?.on('data', (text) => {
      printed += text;
      if (printed.endsWith(LAST_LINE)) resolve();
    });
  });
});

afterAll(() => demo.kill('SIGKILL'));

/** Runs a command as it is printed, after the lines that it wants first. */
async function* outputOf(command: string): AsyncGenerator<string> {
  const script = [...(printed.match(/^export .*$/gm) ?? []), command.replace('curl', 'curl -q -s')].join('\n');
  const { stdout } = spawn('sh', ['-c', script]);
  for await (const text of stdout) yield String(text);
}

test('is the script of package.json', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(scripts.demo).toBe('tsx examples/demo.ts --stay');
});

test('every command is answered with the status that stands above it', async () => {
  const tries = [...printed.matchAll(/^# (.+) \((\d+)\)\n(curl .+)$/gm)];
  expect(tries.length).toBeGreaterThan(8);
  for (const [, title, status, command = ''] of tries) {
    let answer = '';
    for await (const text of outputOf(command)) answer += text;
    expect([title, answer.split(' ')[1]]).toEqual([title, status]);
  }
});

test('Ctrl-C lets a stream end, and then the demo ends without a word', async () => {
  const [command = ''] = printed.match(/^curl .*stream.*$/m) ?? [];
  let answer = '';
  for await (const text of outputOf(command)) {
    if (!answer.includes('data: ') && text.includes('data: ')) demo.kill('SIGINT');
    answer += text;
  }
  expect(answer.match(/^data: /gm)).toHaveLength(20);
  if (demo.exitCode === null) await once(demo, 'exit');
  expect([demo.exitCode, printed.endsWith(LAST_LINE)]).toEqual([0, true]);
});
