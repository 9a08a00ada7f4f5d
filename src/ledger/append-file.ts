/** One path that lines are appended to: reopened when another file stands there, a torn tail closed off first. */
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const NEWLINE = Buffer.from('\n');
/** Entries name users: readable by the owner alone. */
const MODE = 0o600;

export class AppendFile {
  #handle: FileHandle | null = null;
  #identity = '';
  #isRegular = true;
  /** Size after our last whole write: there the file ends in a newline. */
  #wholeSize = -1;

  /** @param torn called when the last line in the file had no end. */
  constructor(
    readonly path: string,
    private readonly torn: () => void,
  ) {}

  get isOpen(): boolean {
    return this.#handle !== null;
  }

  /** Makes sure that the handle is of the file at the path, making folder and file when missing; its size. */
  async open(): Promise<number> {
    if (this.#handle) {
      const found = await statOrNull(this.path);
      if (found && identityOf(found) === this.#identity) return found.size;
      await this.close();
    }
    await mkdir(dirname(this.path), { recursive: true });
    const handle = await open(this.path, 'a+', MODE).catch((error) => {
      // A pipe or a device may allow writing only.
      if (error?.code === 'EINVAL' || error?.code === 'ESPIPE') return open(this.path, 'a', MODE);
      throw error;
    });
    const found = await handle.stat();
    this.#handle = handle;
    this.#identity = identityOf(found);
    this.#isRegular = found.isFile();
    this.#wholeSize = -1;
    return found.size;
  }

  /** Appends by one write and answers how many bytes of `bytes` it took: fewer when the disk filled up meanwhile. */
  async append(bytes: Buffer): Promise<number> {
    const size = await this.open();
    const handle = this.#handle as FileHandle;
    let closing = false;
    if (this.#isRegular && size > 0 && size !== this.#wholeSize) {
      const last = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
      closing = last.buffer[0] !== NEWLINE[0];
    }
    this.#wholeSize = -1;
    const whole = closing ? Buffer.concat([NEWLINE, bytes]) : bytes;
    const { bytesWritten } = await handle.write(whole);
    if (closing && bytesWritten > 0) this.torn();
    if (bytesWritten === whole.length) this.#wholeSize = size + bytesWritten;
    return Math.max(0, closing ? bytesWritten - 1 : bytesWritten);
  }

  async sync(): Promise<void> {
    if (this.#isRegular) await this.#handle?.datasync();
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }
}

/** Something that two files never share while both exist. */
export function identityOf(found: { dev: number; ino: number }): string {
  return `${found.dev}:${found.ino}`;
}

/** What stands at a path, or null when nothing does. */
export function statOrNull(path: string) {
  return stat(path).catch((error) => {
    if (error?.code === 'ENOENT' || error?.code === 'ENOTDIR') return null;
    throw error;
  });
}
