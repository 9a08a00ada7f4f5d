/** The entries of the package: the files of src/entries and src/index.ts, against the lists that name them by hand. */

export interface EntryLists {
  /** Paths below src of all files. */
  readonly files: Iterable<string>;
  /** `entry` of tsup.config.ts: the file of each. */
  readonly built: Readonly<Record<string, string>>;
  /** `exports` of package.json. */
  readonly exports: Readonly<Record<string, unknown>>;
  /** `bin` of package.json. */
  readonly programs: Readonly<Record<string, string>>;
  /** `paths` of tsconfig.json. */
  readonly paths: Readonly<Record<string, readonly string[]>>;
}

const PACKAGE = 'credit-management';
/** Exported as it is. */
const MANIFEST = './package.json';

/** What differs, one sentence each. */
export function entryProblems({ files, built, exports, programs, paths }: EntryLists): string[] {
  const entries = new Map<string, string>();
  for (const file of files) {
    const name = file === 'src/index.ts' ? 'index' : /^src\/entries\/(.+)\.ts$/.exec(file)?.[1];
    if (name !== undefined) entries.set(name, file);
  }
  const isProgram = (name: string) => Object.values(programs).includes(`./dist/${name}.js`);
  // A program is run, not imported.
  const imported = [...entries].filter(([name]) => !isProgram(name));
  const { [MANIFEST]: _, ...exported } = exports;
  return [
    ...differences('tsup.config.ts', built, entries),
    ...differences(
      'exports of package.json',
      exported,
      imported.map(([name]) => [specifier('.', name), outputs(name)]),
    ),
    ...differences(
      'paths of tsconfig.json',
      paths,
      imported.map(([name, file]) => [specifier(PACKAGE, name), [`./${file}`]]),
    ),
    ...Object.values(programs)
      .filter((program) => ![...entries.keys()].some((name) => program === `./dist/${name}.js`))
      .map((program) => `bin of package.json: ${program} is built of no file of src/entries`),
  ];
}

const specifier = (root: string, name: string) => (name === 'index' ? root : `${root}/${name}`);

function outputs(name: string) {
  const of = (types: string, code: string) => ({ types: `./dist/${name}.${types}`, default: `./dist/${name}.${code}` });
  return { import: of('d.ts', 'js'), require: of('d.cts', 'cjs') };
}

function differences(
  list: string,
  named: Readonly<Record<string, unknown>>,
  expected: Iterable<readonly [string, unknown]>,
): string[] {
  const wanted = new Map(expected);
  const found = Object.entries(named).flatMap(([name, value]) => {
    if (!wanted.has(name)) return [`${list}: ${name} has no file in src/entries`];
    const [is, should] = [JSON.stringify(value), JSON.stringify(wanted.get(name))];
    return is === should ? [] : [`${list}: ${name} is ${is} and not ${should}`];
  });
  const missing = [...wanted.keys()].filter((name) => !(name in named));
  return [...found, ...missing.map((name) => `${list}: ${name} is missing`)];
}
