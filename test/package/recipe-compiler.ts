/** Type-checks single files of this repository with other texts in place of some, in memory. */
import { join, relative } from 'node:path';
import ts from 'typescript';
import { ROOT } from './source-files.js';

/** Texts by path below {@link ROOT}, in place of what is on the disk. */
export type Overlay = ReadonlyMap<string, string>;

export class RecipeCompiler {
  readonly #config: ts.ParsedCommandLine;
  readonly #host: ts.CompilerHost;
  #overlay: Overlay = new Map();
  #parsed = new Map<string, { text: string | undefined; file: ts.SourceFile | undefined }>();
  #program: ts.Program | undefined;

  constructor() {
    const onUnRecoverableConfigFileDiagnostic = ({ messageText }: ts.Diagnostic) => {
      throw new Error(ts.flattenDiagnosticMessageText(messageText, ' '));
    };
    const system = { ...ts.sys, onUnRecoverableConfigFileDiagnostic };
    this.#config = ts.getParsedCommandLineOfConfigFile(join(ROOT, 'tsconfig.json'), {}, system) as ts.ParsedCommandLine;
    const disk = ts.createCompilerHost(this.#config.options);
    this.#host = {
      ...disk,
      directoryExists: (path) => this.#holds(path) || ts.sys.directoryExists(path),
      fileExists: (path) => this.#textOf(path) !== undefined || disk.fileExists(path),
      readFile: (path) => this.#textOf(path) ?? disk.readFile(path),
      getSourceFile: (path, version) => {
        const text = this.#textOf(path);
        const known = this.#parsed.get(path);
        if (known && known.text === text) return known.file;
        const file = text === undefined ? disk.getSourceFile(path, version) : ts.createSourceFile(path, text, version);
        this.#parsed.set(path, { text, file });
        return file;
      },
    };
  }

  /** Other texts from now on; roots are `src`, and of other folders what the overlay has, or everything. */
  use(overlay: Overlay, roots: 'src' | 'all' = 'src'): void {
    this.#overlay = new Map(overlay);
    const added = [...overlay.keys()].filter((path) => path.endsWith('.ts')).map((path) => join(ROOT, path));
    const own = this.#config.fileNames.filter((path) => roots === 'all' || path.startsWith(join(ROOT, 'src/')));
    const rootNames = [...new Set([...own, ...added])];
    const oldProgram = this.#program;
    this.#program = ts.createProgram({
      ...{ rootNames, options: this.#config.options, host: this.#host },
      ...(oldProgram && { oldProgram }),
    });
  }

  /** What the compiler says of a file; null where it has nothing to say. */
  errorsIn(path: string): string | null {
    const file = this.#program?.getSourceFile(join(ROOT, path));
    if (!this.#program || !file) throw new Error(`${path} is no part of the program`);
    const found = [...this.#program.getSyntacticDiagnostics(file), ...this.#program.getSemanticDiagnostics(file)];
    const texts = found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
    return texts.length === 0 ? null : texts.join('\n');
  }

  /** Every file of the program that has an error, but for those of packages. */
  filesWithErrors(): string[] {
    const files = this.#program?.getSourceFiles() ?? [];
    const own = files
      .map(({ fileName }) => relative(ROOT, fileName))
      .filter((path) => /^(src|test|examples)\//.test(path));
    return own.filter((path) => this.errorsIn(path) !== null).sort();
  }

  #holds(folder: string): boolean {
    const start = `${relative(ROOT, folder)}/`;
    return [...this.#overlay.keys()].some((path) => path.startsWith(start));
  }

  #textOf(path: string): string | undefined {
    return this.#overlay.get(relative(ROOT, path));
  }
}
