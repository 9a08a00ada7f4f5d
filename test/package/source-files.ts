/** The files of the package, for the tests that read them as text. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Texts by path below {@link ROOT}, with forward slashes. */
export type SourceFiles = ReadonlyMap<string, string>;

/** Every TypeScript file below these folders; a folder that does not exist has none. */
export function sourceFiles(...folders: readonly string[]): SourceFiles {
  const files = new Map<string, string>();
  for (const folder of folders) {
    for (const path of typescriptFiles(join(ROOT, folder))) {
      files.set(relative(ROOT, path).split(sep).join('/'), readFileSync(path, 'utf8'));
    }
  }
  return files;
}

export function manifest(): {
  name: string;
  exports: Record<string, unknown>;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
  peerDependencies?: Record<string, string>;
} {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
}

function typescriptFiles(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
    return names.map((entry) => join(entry.parentPath, entry.name)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
