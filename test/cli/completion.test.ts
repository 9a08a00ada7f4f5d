/** The scripts that complete commands in a shell, run by that shell. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { EXIT } from '../../src/cli/command.js';
import { runCli } from '../../src/cli/main.js';

async function completion(shell: string) {
  const said = { out: '', err: '' };
  const io = {
    ...{ env: {}, isTerminal: false, ask: null, signal: new AbortController().signal },
    out: (text: string) => (said.out += text),
    err: (text: string) => (said.err += text),
  };
  const open = () => {
    throw new Error('a script needs no manager');
  };
  const code = await runCli(['completion', shell], io, {
    open,
    schemas: { postgres: () => '', mongodb: () => ({}) },
    openapi: () => ({}),
    serve: async () => ({ problems: [] }),
  });
  return { code, ...said };
}

test.each([
  ['', ['accounts', 'ledger', 'completion', 'doctor', 'add'], ['list', '--json']],
  ['led', ['ledger'], ['holds']],
  ['holds ', ['list', 'show', 'create', 'change', 'commit', 'end', 'expire'], ['verify', 'holds']],
  ['holds e', ['end', 'expire'], ['list']],
  ['holds list ', ['--plan-id', '--limit', '--json'], ['--yes', 'list']],
  ['holds end h-1 --y', ['--yes'], ['--json']],
  ['add ', ['--actor', '--memory'], ['--limit', 'add']],
  ['add ada 5 --act', ['--actor'], ['--reason']],
  ['plans create --billing-period ', ['daily', 'weekly', 'monthly', 'yearly'], ['--name']],
  ['schema --backend s', ['sql'], ['nosql']],
  ['completion ', ['bash', 'zsh'], []],
  ['nothing at all ', [], ['--json']],
])('bash completes "%s"', async (line, offered, others) => {
  const { code, out } = await completion('bash');
  expect(code).toBe(EXIT.done);
  const words = ['credit-management', ...line.split(' ')].map((word) => `'${word}'`);
  const ask = `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _credit_management`;
  const script = `set -eu\n${out}\n${ask} || true; printf '%s\\n' "\${COMPREPLY[@]:-}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect(stderr).toBe('');
  const found = stdout.split('\n').filter(Boolean);
  expect(found).toEqual(expect.arrayContaining(offered));
  expect(found.filter((word) => (others as string[]).includes(word))).toEqual([]);
  if (offered.length === 0) expect(found).toEqual([]);
});

test('zsh runs the same script, after what lets it', async () => {
  const [bash, zsh] = [await completion('bash'), await completion('zsh')];
  expect(zsh.out).toBe(`autoload -Uz compinit bashcompinit && compinit && bashcompinit\n${bash.out}`);
});

test('no other shell has a script', async () => {
  expect(await completion('fish')).toMatchObject({ code: EXIT.usage, out: '' });
});
