/** Appends lines to a path. It opens a new file that has taken the path, and ends a torn last line with a newline. */
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const NEWLINE = Buffer.from('\n');
/** Entries name users, so only the owner may read the file. */
const MODE = 0o600;
const { O_APPEND, O_CREAT, O_RDWR, O_WRONLY } = constants;
/** Windows has none; there only administrators make links. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const LOOK_AGAIN_MS = 5;
const LOOKS_MAX = 100;

// Bound when the library is loaded, so that a host's fake timers do not stop the file.
const { setTimeout } = globalThis;

export class AppendFile {
  #handle: FileHandle | null = null;
  #identity = '';
  #isRegular = true;
  /** Whether the path was a symbolic link when it was first opened: then the host chose it. Null before. */
  #isLink: boolean | null = null;
  /** The size after our last complete write. A file of this size ends with a newline. */
  #wholeSize = -1;

  /** @param torn called when the last line of the file had no newline. */
  constructor(
    readonly path: string,
    private readonly torn: () => void,
  ) {}

  get isOpen(): boolean {
    return this.#handle !== null;
  }

  /** Opens the file that is at the path now, with its folder, and answers its size. */
  async open(): Promise<number> {
    if (this.#handle) {
      const found = await statOrNull(this.path);
      if (found && identityOf(found) === this.#identity) return found.size;
      await this.close();
    }
    await mkdir(dirname(this.path), { recursive: true });
    this.#isLink ??= await isLink(this.path);
    // Whoever may write in the folder could otherwise lead the lines to a file that only this process may write.
    const how = O_APPEND | O_CREAT | (this.#isLink ? 0 : O_NOFOLLOW);
    const handle = await open(this.path, how | O_RDWR, MODE).catch((error) => {
      // A pipe or a device may allow writing only.
      if (error?.code === 'EINVAL' || error?.code === 'ESPIPE') return open(this.path, how | O_WRONLY, MODE);
      throw error;
    });
    const found = await handle.stat();
    this.#handle = handle;
    this.#identity = identityOf(found);
    this.#isRegular = found.isFile();
    this.#wholeSize = -1;
    return found.size;
  }

  /** Appends by one write, and answers how many bytes were written: fewer than given when the disk is full. */
  async append(bytes: Buffer): Promise<number> {
    const size = await this.open();
    const handle = this.#handle as FileHandle;
    const closing = this.#isRegular && size !== this.#wholeSize && (await isTorn(handle, size));
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

/**
 * Whether a file ends in the middle of a line. While another process writes, the end keeps moving, so the file counts
 * as torn only when its size stays the same.
 */
async function isTorn(handle: FileHandle, firstSize: number): Promise<boolean> {
  for (let size = firstSize, looks = 0; size > 0; looks++) {
    const last = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    if (last.bytesRead === 0 || last.buffer[0] === NEWLINE[0]) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    const { size: now } = await handle.stat();
    if (now === size || looks === LOOKS_MAX) return true;
    size = now;
  }
  return false;
}

/** The identity of a file: two files never share one while both exist. */
export function identityOf(found: { dev: number; ino: number }): string {
  return `${found.dev}:${found.ino}`;
}

function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

/** The stat of a path, or null when nothing is there. */
export function statOrNull(path: string) {
  return stat(path).catch((error) => {
    if (error?.code === 'ENOENT' || error?.code === 'ENOTDIR') return null;
    throw error;
  });
}
