/** The tables of README.md's "Configuration", by the heading above each; what looks otherwise is an error. */

export interface Setting {
  /** The first cell without its backticks. */
  readonly name: string;
  /** The cells by the header of their column. */
  readonly cells: Readonly<Record<string, string>>;
}

/** @throws Error that says which line is not understood */
export function readConfiguration(markdown: string): ReadonlyMap<string, readonly Setting[]> {
  const section = markdown.split('\n## Configuration\n')[1]?.split('\n## ')[0];
  if (section === undefined) throw new Error('README.md has no section "Configuration"');
  const tables = new Map<string, readonly Setting[]>();
  for (const part of section.split(/^### /m).slice(1)) {
    const title = (part.split('\n')[0] ?? '').trim();
    const [header, ruler, ...rows] = part
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map(cellsOf);
    if (!header || !ruler?.every((cell) => /^-+$/.test(cell))) throw new Error(`"${title}" has no table`);
    tables.set(
      title,
      rows.map((cells) => settingOf(header, cells)),
    );
  }
  return tables;
}

function settingOf(header: readonly string[], cells: readonly string[]): Setting {
  const name = /^`([^`]+)`$/.exec(cells[0] ?? '')?.[1];
  if (name === undefined) throw new Error(`Not one name in backticks: ${cells[0]}`);
  if (cells.length !== header.length) throw new Error(`Not ${header.length} cells: ${cells.join(' | ')}`);
  const empty = cells.find((cell) => cell === '');
  if (empty !== undefined) throw new Error(`An empty cell of ${name}`);
  return { name, cells: Object.fromEntries(header.map((title, i) => [title, cells[i] ?? ''])) };
}

/** `1–10,000`, `from 1`: the least and the most that a number may be; null for what is no range. */
export function rangeOf(values: string): { min: number; max: number } | null {
  const [, from, min = from, max = ''] = /^(?:from ([\d.]+)|([\d.]+)–([\d,]+))$/.exec(values) ?? [];
  if (min === undefined) return null;
  return { min: Number(min), max: max === '' ? Number.POSITIVE_INFINITY : Number(max.replaceAll(',', '')) };
}

function cellsOf(line: string): string[] {
  const inner = /^\|(.*)\|$/.exec(line)?.[1];
  if (inner === undefined) throw new Error(`Not a table line: ${line}`);
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
}
