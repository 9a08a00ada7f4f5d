/** The exports of the entries are whole: each name they use is exported too, and each field says what it means. */
import ts from 'typescript';
import { expect, test } from 'vitest';
import { isFull } from '../support/amounts.js';
import { readDeclarations } from './declarations.js';
import { sourceFiles } from './source-files.js';

const ENTRIES = ['index', ...[...sourceFiles('src/entries').keys()].map((path) => path.slice(4, -3))];
const PROGRAM = 'entries/cli';

// To compile everything costs more than any other test, so `npm test` leaves it to `.ci/run`.
const OPEN = isFull ? ENTRIES.filter((entry) => entry !== PROGRAM) : [];
const { checker, exportsOf, isOurs } = readDeclarations(OPEN);
const exported = new Map(OPEN.flatMap((entry) => [...exportsOf(entry)]));
const known = new Set(exported.values());

const IS_TYPE = ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias | ts.SymbolFlags.Class | ts.SymbolFlags.Enum;

/** The types of ours that a declaration names. */
function namedBy(node: ts.Node): ts.Symbol[] {
  const found: ts.Symbol[] = [];
  const visit = (child: ts.Node): void => {
    const name = nameOf(child);
    let symbol = name && checker.getSymbolAtLocation(name);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
    if (symbol && symbol.flags & IS_TYPE && symbol.declarations?.some(isOurs)) found.push(symbol);
    ts.forEachChild(child, visit);
  };
  visit(node);
  return found;
}

function nameOf(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName;
  if (ts.isExpressionWithTypeArguments(node)) return node.expression;
  return ts.isImportTypeNode(node) ? node.qualifier : undefined;
}

test.runIf(isFull)('each type that an exported declaration names is exported', () => {
  const ours = [...known].filter((symbol) => symbol.declarations?.some(isOurs));
  expect(ours.length).toBeGreaterThan(200);
  const hidden = new Set<string>();
  for (const [name, symbol] of exported) {
    for (const declaration of symbol.declarations?.filter(isOurs) ?? []) {
      for (const type of namedBy(declaration)) if (!known.has(type)) hidden.add(`${type.name}, named by ${name}`);
    }
  }
  expect([...hidden].sort()).toEqual([]);
});

/** The fields of a type without a comment, and the path to each. Objects without a name are part of the type. */
function silentFields(type: ts.Type, path: string, seen = new Set<ts.Type>()): [string, ts.Symbol][] {
  if (seen.has(type)) return [];
  seen.add(type);
  if (type.isUnionOrIntersection()) return type.types.flatMap((each) => silentFields(each, path, seen));
  const isPublic = ({ name, declarations }: ts.Symbol) => !name.startsWith('#') && declarations?.some(isOurs);
  const fields = type.getProperties().filter(isPublic);
  return fields.flatMap((field) => {
    const isSilent = field.getDocumentationComment(checker).length === 0;
    const inner = checker.getTypeOfSymbol(field);
    const own: [string, ts.Symbol][] = isSilent ? [[`${path}.${field.name}`, field]] : [];
    return [...own, ...unnamed(inner).flatMap((each) => silentFields(each, `${path}.${field.name}`, seen))];
  });
}

/** The objects within a type that no exported name stands for. */
function unnamed(type: ts.Type): ts.Type[] {
  if (type.aliasSymbol && known.has(type.aliasSymbol)) return [];
  if (type.isUnionOrIntersection()) return type.types.flatMap(unnamed);
  // The rows of a list have a type of their own, or the list says what they are.
  if (checker.isArrayType(type)) return [];
  const isObject = (type.flags & ts.TypeFlags.Object) !== 0 && type.getCallSignatures().length === 0;
  return isObject && !known.has(type.symbol) ? [type] : [];
}

/** The codes of errors are a table of README.md. */
const ERRORS = /^(AnyCreditError|CreditErrorDetails)$/;
/** Types for adapters and tools, which say as a whole what they are for; and values of one field. */
const PORTS = [
  /^(\w+Like|Mongo(Session|\w+Settings)|TestApi|Change|Clock|\w*DbManager|Delivery|Duration|FindQuery)$/,
  /^(InMemory\w+|Ledger(Sink|Logger)\w*|Logical\w+|\w*Session|NotificationQueue|\w*Ref|Row|SkippedTests)$/,
  /^(Sql(Result|\w+Session)|Store\w+|Unit\w*)$/,
];
const isElsewhere = (name: string) => [ERRORS, ...PORTS].some((names) => names.test(name));

test.runIf(isFull)('each field of an exported record, option, interface or class says what it means', () => {
  const silent = new Map<unknown, string>();
  for (const [name, symbol] of exported) {
    if (!(symbol.flags & IS_TYPE) || isElsewhere(name)) continue;
    for (const [path, field] of silentFields(checker.getDeclaredTypeOfSymbol(symbol), name)) {
      const [declaration = field] = field.declarations ?? [];
      if (!silent.has(declaration)) silent.set(declaration, path);
    }
  }
  expect([...silent.values()]).toEqual([]);
});

test.runIf(isFull).each([
  ['Transaction', 'seq', 'gapless history, from 1'],
  ['JobReport', 'expired', 'Credits that expired.'],
  ['ExpiringJobReport', 'expired', 'Credits that expired.'],
  ['AddOptions', 'priority', 'default 50'],
  ['AddOptions', 'idempotencyKey', 'remembered for ever'],
  ['CommitOptions', 'timeoutMs', 'Milliseconds'],
  ['HistoryOptions', 'limit', '1–100, default 20.'],
  ['PlanInput', 'price', 'Major units'],
])('%s.%s says: %s', (type, field, text) => {
  const property = checker.getPropertyOfType(checker.getDeclaredTypeOfSymbol(exported.get(type) as ts.Symbol), field);
  expect(ts.displayPartsToString(property?.getDocumentationComment(checker))).toContain(text);
});
