/** What the source declares that a host can set: the members of option types, and the variables of the environment. */
import ts from 'typescript';
import type { SourceFiles } from './source-files.js';

type Member = ts.PropertySignature;

/**
 * Paths of the options of a type, those of its parts with a dot: `timeoutMs`, `outbox.timeoutMs`. A part is a type
 * literal, or an interface whose name is in `parts`.
 *
 * @param name of an interface, of a type alias, or of a class, whose constructor's parameter counts
 * @throws Error where there is none of this name, or more than one
 */
export function optionsOf(files: SourceFiles, name: string, parts: readonly string[] = []): string[] {
  return declaredMembers(files, name).flatMap((member) => pathsOf(files, member, parts));
}

function pathsOf(files: SourceFiles, member: Member, parts: readonly string[]): string[] {
  const name = member.name.getText();
  const types = member.type && ts.isUnionTypeNode(member.type) ? member.type.types : [member.type];
  const inner = types.flatMap((type) => {
    if (type && ts.isTypeLiteralNode(type)) return type.members.filter(ts.isPropertySignature);
    const part = type && ts.isTypeReferenceNode(type) ? type.typeName.getText() : '';
    return parts.includes(part) ? declaredMembers(files, part) : [];
  });
  const below = inner.flatMap((each) => pathsOf(files, each, parts)).map((path) => `${name}.${path}`);
  // A member that is nothing but its parts is no option of its own.
  const isGroup = below.length > 0 && types.every((type) => !type || !isWhole(type, parts));
  return isGroup ? below : [name, ...below];
}

/** Whether a value of this type is a setting by itself. */
function isWhole(type: ts.TypeNode, parts: readonly string[]): boolean {
  if (type.kind === ts.SyntaxKind.UndefinedKeyword || ts.isTypeLiteralNode(type)) return false;
  return !(ts.isTypeReferenceNode(type) && parts.includes(type.typeName.getText()));
}

function declaredMembers(files: SourceFiles, name: string): readonly Member[] {
  const found: (readonly Member[])[] = [];
  for (const [path, text] of files) {
    if (!text.includes(name)) continue;
    for (const statement of ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true).statements) {
      if (ts.isInterfaceDeclaration(statement) && statement.name.text === name) {
        found.push([...statement.members.filter(ts.isPropertySignature), ...literalsOfCalls(statement)]);
      } else if (ts.isTypeAliasDeclaration(statement) && statement.name.text === name) {
        found.push(literalsIn(statement.type));
      } else if (ts.isClassDeclaration(statement) && statement.name?.text === name) {
        found.push(
          statement.members.filter(ts.isConstructorDeclaration).flatMap(({ parameters }) => literalsIn(...parameters)),
        );
      }
    }
  }
  const [members] = found;
  if (found.length !== 1 || !members) throw new Error(`${found.length} declarations of ${name}`);
  return members;
}

/** What calls of an interface take beyond a named type: `options?: JobOptions & { withinDays?: number }`. */
function literalsOfCalls(statement: ts.InterfaceDeclaration): Member[] {
  const calls = statement.members.filter(ts.isMethodSignature);
  const members = calls.flatMap(({ parameters }) => literalsIn(...parameters));
  return members.filter(
    (member, i) => members.findIndex((each) => each.name.getText() === member.name.getText()) === i,
  );
}

function literalsIn(...nodes: readonly ts.Node[]): Member[] {
  return nodes.flatMap((node) => {
    if (ts.isTypeLiteralNode(node)) return node.members.filter(ts.isPropertySignature);
    const below: ts.Node[] = [];
    ts.forEachChild(node, (child) => void below.push(child));
    return literalsIn(...below);
  });
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
