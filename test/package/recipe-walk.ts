/** Follows recipes touch by touch: what must be red before each round is asked of the compiler and of the tests. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { environment } from './child.js';
import { RecipeCompiler } from './recipe-compiler.js';
import type { NamedTest, Recipe, Round, Touch } from './recipes/recipe.js';
import { ROOT } from './source-files.js';

const RUN_MS = 300_000;
const COPIED = ['src', 'test', 'README.md', 'package.json', 'tsconfig.json', 'tsup.config.ts'];
/** A reporter of its own: that of vitest for JSON leaves out what differs. */
const CONFIG = `import { writeFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
const said = [];
const reporter = {
  onTestModuleEnd: (file) => file.errors().forEach(({ message }) => said.push([file.relativeModuleId, message])),
  onTestCaseResult(test) {
    const texts = (test.result().errors ?? []).flatMap(({ message, diff }) => [message, diff]);
    said.push([test.module.relativeModuleId + ' ' + test.fullName, test.ok() ? null : texts.join('\\n')]);
  },
  onTestRunEnd: () => writeFileSync('said.json', JSON.stringify(said)),
};
export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    ...{ reporters: [reporter], pool: 'forks', isolate: false, maxWorkers: 1 },
    ...{ testTimeout: 600_000, env: { CREDIT_SEED: '1' } },
  },
});
`;

/** What a test said: null when it was green. */
type Said = string | null;
type Progress = { readonly recipe: Recipe; next: number };

/** A copy of this tree that recipes are applied to. Remove it with {@link remove}. */
export class RecipeWalk {
  readonly compiler = new RecipeCompiler();
  /** What went otherwise than a recipe says. */
  readonly problems: { readonly recipe: Recipe; readonly problem: string }[] = [];
  readonly #overlay = new Map<string, string>();
  readonly #folder = realpathSync(mkdtempSync(join(tmpdir(), 'credit-recipes-')));
  readonly #tree = join(this.#folder, 'tree');
  readonly #progress: readonly Progress[];

  constructor(recipes: readonly Recipe[]) {
    this.#progress = recipes.map((recipe) => ({ recipe, next: 0 }));
    for (const name of COPIED) cpSync(join(ROOT, name), join(this.#tree, name), { recursive: true });
    symlinkSync(realpathSync(join(ROOT, 'node_modules')), join(this.#tree, 'node_modules'));
    writeFileSync(join(this.#tree, 'recipes.config.ts'), CONFIG);
  }

  /** Goes on until every recipe has been followed to its end. */
  follow(): void {
    while (this.#progress.some((one) => roundOf(one))) {
      this.#take((round) => round.red === 'begin');
      const byCompiler = this.#progress.filter((one) => filesOf(roundOf(one)).length > 0);
      if (byCompiler.length > 0) {
        this.compiler.use(this.#withRoots(byCompiler.flatMap((one) => filesOf(roundOf(one)))));
        for (const one of byCompiler) for (const file of filesOf(roundOf(one))) this.#expectError(one, file);
        this.#take((round) => filesOf(round).length > 0);
      } else {
        const said = this.#run(this.#progress.flatMap((one) => testsOf(roundOf(one)).map(({ file }) => file)));
        for (const one of this.#progress) for (const test of testsOf(roundOf(one))) this.#expectRed(one, test, said);
        this.#take((round) => testsOf(round).length > 0);
      }
    }
  }

  /** What is still red at the end: files of src that were touched and do not compile, and tests. */
  leftRed(more: readonly string[]): string[] {
    const touched = [...this.#overlay].filter(([path]) => path.startsWith('src/'));
    this.compiler.use(new Map(touched));
    const wrong = touched.flatMap(([path]) => this.compiler.errorsIn(path)?.replace(/^/, `${path}: `) ?? []);
    const named = this.#progress.flatMap(({ recipe }) => [
      ...recipe.rounds.flatMap((round) => testsOf(round).map(({ file }) => file)),
      ...(recipe.green ?? []),
    ]);
    const said = this.#run([...named, ...more]);
    return [
      ...wrong,
      ...[...said].flatMap(([name, text]) => (text === null ? [] : [`${name}: ${text.slice(0, 400)}`])),
    ];
  }

  /** Every file of the tree that does not compile. */
  everyError(): string[] {
    this.compiler.use(this.#overlay, 'all');
    return this.compiler.filesWithErrors();
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Tests that the compiler is asked about are parts of the program. */
  #withRoots(files: readonly string[]): Map<string, string> {
    const texts = files.map((file): [string, string] => [file, this.#textOf(file)]);
    return new Map([...texts, ...this.#overlay]);
  }

  #expectError({ recipe }: Progress, file: string): void {
    const said = this.compiler.errorsIn(file);
    if (said?.includes(recipe.brings)) return;
    this.problems.push({ recipe, problem: `the compiler does not name ${file}: ${said}` });
  }

  #expectRed({ recipe }: Progress, { file, name, says }: NamedTest, said: ReadonlyMap<string, Said>): void {
    const found = [...said].filter(([key]) => key.startsWith(`${file} `) && key.includes(name));
    if (found.some(([, text]) => text?.includes(says))) return;
    this.problems.push({ recipe, problem: `${file} '${name}' does not say ${says}: ${found.map(([, text]) => text)}` });
  }

  /** Makes the touches of every recipe whose next round is one of these. */
  #take(which: (round: Round) => boolean): void {
    for (const one of this.#progress) {
      const round = roundOf(one);
      if (!round || !which(round)) continue;
      for (const touch of round.touches) this.#touch(touch);
      one.next++;
    }
  }

  #touch({ file, edits }: Touch): void {
    let text = typeof edits === 'string' ? edits : this.#textOf(file);
    for (const { find, replace } of typeof edits === 'string' ? [] : edits) {
      const times = text.split(find).length - 1;
      if (times !== 1) throw new Error(`${file}: ${JSON.stringify(find)} occurs ${times} times`);
      text = text.replace(find, () => replace);
    }
    this.#overlay.set(file, text);
    mkdirSync(dirname(join(this.#tree, file)), { recursive: true });
    writeFileSync(join(this.#tree, file), text);
  }

  #textOf(file: string): string {
    return this.#overlay.get(file) ?? readFileSync(join(ROOT, file), 'utf8');
  }

  /** Every test of these files by file and name, and what it said. */
  #run(files: readonly string[]): ReadonlyMap<string, Said> {
    const report = join(this.#tree, 'said.json');
    rmSync(report, { force: true });
    const vitest = join(this.#tree, 'node_modules/vitest/vitest.mjs');
    const command = [vitest, 'run', ...new Set(files), '--config', 'recipes.config.ts', '--no-cache'];
    const { status, stderr } = spawnSync(process.execPath, command, {
      ...{ cwd: this.#tree, env: environment(), encoding: 'utf8', timeout: RUN_MS },
    });
    if (!existsSync(report)) throw new Error(`vitest left no report, exit code ${status}: ${stderr.slice(-2_000)}`);
    return new Map(JSON.parse(readFileSync(report, 'utf8')) as [string, Said][]);
  }
}

const roundOf = ({ recipe, next }: Progress): Round | undefined => recipe.rounds[next];

const filesOf = (round: Round | undefined): readonly string[] =>
  round && round.red !== 'begin' && 'compiler' in round.red ? round.red.compiler : [];

const testsOf = (round: Round | undefined): readonly NamedTest[] =>
  round && round.red !== 'begin' && 'tests' in round.red ? round.red.tests : [];
