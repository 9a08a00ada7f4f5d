/**
 * The first screen of README.md, as a reader uses it: the install command, the program (the first `ts` block), what it
 * prints (the next block that is no shell block) and, anywhere, the command that runs it: `npx tsx NAME`, `node NAME`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './source-files.js';

export interface FirstScreen {
  /** Lines that begin with `npm install`, in shell blocks before what the program prints. */
  readonly install: readonly string[];
  readonly program: string;
  readonly output: string;
  /** The command that runs the program, and the name that it gives the file. */
  readonly run: string;
  readonly file: string;
}

const SHELL = ['sh', 'bash', 'shell', 'console'];

/** @throws Error that says what README.md lacks */
export function readFirstScreen(path = join(ROOT, 'README.md')): FirstScreen {
  if (!existsSync(path)) throw new Error('README.md does not exist');
  return firstScreenOf(readFileSync(path, 'utf8'));
}

export function firstScreenOf(markdown: string): FirstScreen {
  const blocks = [...markdown.matchAll(/^```(\w*)[^\n]*\n(.*?)^```\s*$/gms)].map(([, language = '', text = '']) => ({
    language,
    text: text.trim(),
  }));
  const at = blocks.findIndex(({ language }) => language === 'ts');
  const program = blocks[at];
  if (!program) throw new Error('README.md has no ```ts block');
  const outputAt = blocks.findIndex(({ language }, i) => i > at && !SHELL.includes(language));
  const output = blocks[outputAt];
  if (!output) throw new Error('README.md has no block after the program that shows what it prints');
  const shell = blocks.slice(0, outputAt).filter(({ language }) => SHELL.includes(language));
  const install = shell.flatMap(({ text }) => text.match(/^(?:\$ )?npm i(?:nstall)? .*$/gm) ?? []);
  if (!install.some((line) => /\bcredit-management\b/.test(line))) {
    throw new Error('README.md has no `npm install credit-management` in a shell block before the program');
  }
  const [run, file] = /\b(?:npx (?:-y |--yes )?tsx|node) ([\w-]+\.m?[tj]s)\b/.exec(markdown) ?? [];
  if (run === undefined || file === undefined) {
    throw new Error('README.md does not say how to run the program: `npx tsx NAME` or `node NAME`');
  }
  return {
    install: install.map((line) => line.replace(/^\$ /, '')),
    program: program.text,
    output: output.text,
    run,
    file,
  };
}
