/** A server program of this machine that a test starts with a folder of its own, freezes, stops and starts again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { sleep } from '../support/wait.js';

export function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

export class OwnProgram {
  #child: ChildProcess | null = null;
  protected readonly folder: string;

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `credit-${name}-`));
  }

  protected get isRunning(): boolean {
    return this.#child !== null;
  }

  protected launchProgram(program: string, args: readonly string[]): void {
    const child = spawn(program, args, { stdio: 'ignore' });
    this.#child = child;
    const kill = () => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('error', () => this.#ended(child));
    child.once('close', () => {
      process.off('exit', kill);
      this.#ended(child);
    });
  }

  #ended(child: ChildProcess): void {
    if (this.#child === child) this.#child = null;
  }

  /** Asks until the program answers. Throws where it ended, or could not be started. */
  protected async answers(ask: () => Promise<boolean>): Promise<void> {
    while (!(await ask().catch(() => false))) {
      if (!this.isRunning) throw new Error(`A server program in ${this.folder} ended, or is not on PATH.`);
      await sleep(20);
    }
  }

  /** It answers nothing and ends no connection, until `thaw`. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
