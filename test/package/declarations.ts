/** The declarations of the package, as a user's compiler reads them: made in memory from the entries. */
import ts from 'typescript';
import { ROOT } from './source-files.js';

const OPTIONS: ts.CompilerOptions = {
  ...{ declaration: true, emitDeclarationOnly: true, outDir: `${ROOT}declared`, rootDir: `${ROOT}src` },
  ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, strict: true },
  ...{ target: ts.ScriptTarget.ES2023, skipLibCheck: true, exactOptionalPropertyTypes: true, types: ['node'] },
};

export interface Declarations {
  readonly checker: ts.TypeChecker;
  /** The exports of the files, by name, with aliases followed. */
  exportsOf(file: string): ReadonlyMap<string, ts.Symbol>;
  /** Whether a node stands in a declaration of ours. */
  isOurs(node: ts.Node): boolean;
}

/** Compiles files of src, named without their ending, to declarations, and reads these. */
export function readDeclarations(files: readonly string[]): Declarations {
  const written = new Map<string, string>();
  const roots = files.map((file) => `${ROOT}src/${file}.ts`);
  ts.createProgram(roots, OPTIONS).emit(undefined, (path, text) => written.set(path, text));
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, getSourceFile, readFile } = host;
  host.fileExists = (path) => written.has(path) || fileExists(path);
  host.readFile = (path) => written.get(path) ?? readFile(path);
  host.getSourceFile = (path, options) => {
    const text = written.get(path);
    return text === undefined ? getSourceFile(path, options) : ts.createSourceFile(path, text, options);
  };
  // The folders of these files are in memory too.
  delete host.directoryExists;
  const pathOf = (file: string) => `${ROOT}declared/${file}.d.ts`;
  const program = ts.createProgram(files.map(pathOf), OPTIONS, host);
  const checker = program.getTypeChecker();
  const followed = (symbol: ts.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return {
    checker,
    exportsOf(file) {
      const module = checker.getSymbolAtLocation(program.getSourceFile(pathOf(file)) as ts.SourceFile) as ts.Symbol;
      return new Map(checker.getExportsOfModule(module).map((symbol) => [symbol.name, followed(symbol)]));
    },
    isOurs: (node) => written.has(node.getSourceFile().fileName),
  };
}
