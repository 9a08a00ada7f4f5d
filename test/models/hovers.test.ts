/** Editors of users show what the fields of inferred types mean: it survives into the declarations of the package. */
import ts from 'typescript';
import { expect, test } from 'vitest';
import { ROOT } from '../package/source-files.js';

const OPTIONS: ts.CompilerOptions = {
  ...{ declaration: true, emitDeclarationOnly: true, outDir: `${ROOT}declared`, rootDir: `${ROOT}src` },
  ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, strict: true },
  ...{ target: ts.ScriptTarget.ES2023, skipLibCheck: true, exactOptionalPropertyTypes: true, types: ['node'] },
};
const FILES = ['records/transaction', 'records/job', 'inputs/credits', 'inputs/plans'];

/** The declarations of the models, as the package ships them. */
function declarations(): Map<string, string> {
  const written = new Map<string, string>();
  const roots = FILES.map((file) => `${ROOT}src/models/${file}.ts`);
  ts.createProgram(roots, OPTIONS).emit(undefined, (path, text) => written.set(path, text));
  return written;
}

test('the comments of fields, of records and of options', () => {
  const written = declarations();
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, getSourceFile, readFile } = host;
  host.fileExists = (path) => written.has(path) || fileExists(path);
  host.readFile = (path) => written.get(path) ?? readFile(path);
  host.getSourceFile = (path, options) => {
    const text = written.get(path);
    return text === undefined ? getSourceFile(path, options) : ts.createSourceFile(path, text, options);
  };
  const program = ts.createProgram(
    FILES.map((file) => `${ROOT}declared/models/${file}.d.ts`),
    OPTIONS,
    host,
  );
  const checker = program.getTypeChecker();
  const commentOf = (file: string, type: string, field: string) => {
    const source = program.getSourceFile(`${ROOT}declared/models/${file}.d.ts`) as ts.SourceFile;
    const module = checker.getSymbolAtLocation(source) as ts.Symbol;
    const symbol = checker.tryGetMemberInModuleExports(type, module) as ts.Symbol;
    const property = checker.getPropertyOfType(checker.getDeclaredTypeOfSymbol(symbol), field);
    return ts.displayPartsToString(property?.getDocumentationComment(checker));
  };
  expect(commentOf('records/transaction', 'Transaction', 'seq')).toContain('gapless history, from 1');
  expect(commentOf('records/job', 'JobReport', 'expired')).toBe('Credits that expired.');
  expect(commentOf('inputs/credits', 'AddOptions', 'priority')).toContain('default 50');
  expect(commentOf('inputs/credits', 'AddOptions', 'idempotencyKey')).toContain('remembered for ever');
  expect(commentOf('inputs/credits', 'CommitOptions', 'timeoutMs')).toContain('Milliseconds');
  expect(commentOf('inputs/credits', 'HistoryOptions', 'limit')).toBe('1–100, default 20.');
  expect(commentOf('inputs/plans', 'PlanInput', 'price')).toContain('Major units');
  expect(commentOf('inputs/plans', 'PlanInput', 'name')).toBe('');
});
