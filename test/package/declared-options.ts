/** What the source declares that a host can set: the members of option types, and the variables of the environment. */
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT, type SourceFiles } from './source-files.js';

const ENTRIES = [
  'index',
  ...['http', 'metrics', 'mongodb', 'nats', 'otel', 'razorpay', 'redis', 'sql', 'stripe', 'testing'].map(
    (name) => `entries/${name}`,
  ),
].map((name) => `src/${name}.ts`);

const { options: compilerOptions } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile).config,
  ts.sys,
  ROOT,
);
const program = ts.createProgram(
  ENTRIES.map((path) => join(ROOT, path)),
  compilerOptions,
);
const checker = program.getTypeChecker();

/**
 * Paths of the options that something exported takes, those of its parts with a dot: `timeoutMs`, `outbox.timeoutMs`.
 * A part is an object of plain values; an object with methods (a logger, a cache) is an option by itself.
 *
 * @param name of a type, of a class or function (its first parameter counts), or of an interface of calls (every last
 * parameter counts)
 * @throws Error where no entry exports the name
 */
export function optionsOf(name: string): string[] {
  return [...new Set(typesOf(name).flatMap(membersOf))];
}

function typesOf(name: string): ts.Type[] {
  const exported = ENTRIES.flatMap((path) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(join(ROOT, path)) as ts.SourceFile);
    return module ? checker.getExportsOfModule(module).filter((symbol) => symbol.name === name) : [];
  });
  const [symbol] = exported;
  if (!symbol) throw new Error(`No entry exports ${name}`);
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  if (target.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Function)) {
    const value = checker.getTypeOfSymbol(target);
    return [...value.getConstructSignatures(), ...value.getCallSignatures()].flatMap((call) => parameters(call, 0));
  }
  const type = checker.getDeclaredTypeOfSymbol(target);
  const calls = type.getProperties().flatMap((member) => checker.getTypeOfSymbol(member).getCallSignatures());
  return calls.length > 0 ? calls.flatMap((call) => parameters(call, -1)) : [type];
}

function parameters(call: ts.Signature, at: number): ts.Type[] {
  const parameter = call.parameters.at(at);
  return parameter ? [checker.getNonNullableType(checker.getTypeOfSymbol(parameter))] : [];
}

function membersOf(type: ts.Type): string[] {
  return type.getProperties().flatMap((member) => {
    const kinds = constituents(checker.getNonNullableType(checker.getTypeOfSymbol(member)));
    const below = kinds.filter(isPart).flatMap(membersOf);
    const inner = below.map((path) => `${member.name}.${path}`);
    // A member that is nothing but its parts is no option of its own.
    return below.length > 0 && kinds.every(isPart) ? inner : [member.name, ...inner];
  });
}

function constituents(type: ts.Type): readonly ts.Type[] {
  return type.isUnion() ? type.types : [type];
}

/** An object with plain values and no methods: no array, no function, no class. */
function isPart(type: ts.Type): boolean {
  const isPlain = (type.flags & ts.TypeFlags.Object) !== 0 && !checker.isArrayType(type) && !type.isClass();
  const members = type.getProperties();
  const hasValue = members.some((member) => constituents(checker.getTypeOfSymbol(member)).some(isValue));
  return isPlain && hasValue && !members.some(isMethod);
}

function isValue({ flags }: ts.Type): boolean {
  return (flags & (ts.TypeFlags.StringLike | ts.TypeFlags.NumberLike | ts.TypeFlags.BooleanLike)) !== 0;
}

function isMethod(member: ts.Symbol): boolean {
  return constituents(checker.getTypeOfSymbol(member)).some((type) => type.getCallSignatures().length > 0);
}

/** Names that the entries export and that end like those of options. */
export function exportedOptionTypes(files: SourceFiles): string[] {
  const names = new Set<string>();
  for (const [path, text] of files) {
    if (path !== 'src/index.ts' && !path.startsWith('src/entries/')) continue;
    for (const [name] of text.matchAll(/\b[A-Z]\w*(?:Options|Settings)\b/g)) names.add(name);
  }
  return [...names].sort();
}

/** Names of variables: what is taken from an `env`, or stands in a text by itself. */
export function variablesOf(files: SourceFiles): string[] {
  const names = new Set<string>();
  for (const [path, text] of files) {
    const visit = (node: ts.Node): void => {
      if (ts.isStringLiteral(node) && /^CREDIT_[A-Z0-9_]+$/.test(node.text)) names.add(node.text);
      if (ts.isPropertyAccessExpression(node) && isEnv(node.expression)) names.add(node.name.text);
      if (ts.isElementAccessExpression(node) && isEnv(node.expression) && ts.isStringLiteral(node.argumentExpression)) {
        names.add(node.argumentExpression.text);
      }
      if (ts.isCallExpression(node) && node.arguments.some(isEnv)) {
        for (const given of node.arguments) if (ts.isStringLiteral(given)) names.add(given.text);
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  }
  return [...names].sort();
}

/** `env`, `process.env`, `io.env`. */
function isEnv(node: ts.Node): boolean {
  if (ts.isIdentifier(node)) return node.text === 'env';
  return ts.isPropertyAccessExpression(node) && node.name.text === 'env';
}
