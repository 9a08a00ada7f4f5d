/** Puts a new file in the place of an old one, and keeps the old file beside it. */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { statOrNull } from './append-file.js';

const MODE = 0o600;

/**
 * Writes `lines` to a temporary file in the same folder, syncs it, and renames it into place. Answers the path under
 * which the old file is kept, or null when there was none. `exclusive` runs the swap while nobody appends.
 */
export async function replaceFile(
  path: string,
  lines: AsyncIterable<readonly string[]>,
  exclusive: (swap: () => Promise<string | null>) => Promise<string | null>,
): Promise<string | null> {
  const found = await statOrNull(path);
  if (found && !found.isFile()) throw Object.assign(new Error('not a regular file'), { code: 'EINVAL' });
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  const handle = await open(temporary, 'wx', found ? found.mode & 0o777 : MODE);
  try {
    for await (const batch of lines) await handle.appendFile(batch.join(''));
    await handle.sync();
  } catch (error) {
    await handle.close();
    await unlink(temporary);
    throw error;
  }
  await handle.close();
  const swap = async () => {
    const at = new Date().toISOString().replaceAll(':', '-');
    const kept = `${path}.replaced-${at}-${randomUUID().slice(0, 8)}`;
    const isThere = (await statOrNull(path)) !== null;
    if (isThere) await link(path, kept);
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return isThere ? kept : null;
  };
  return exclusive(swap).catch(async (error) => {
    await unlink(temporary).catch(() => {});
    throw error;
  });
}

/** Syncs the folder, so that the rename survives a power loss. Not every system can do it, so failures are ignored. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
