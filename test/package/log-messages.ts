/** Everything that src tells a logger: the message, the level, and the fields. */
import ts from 'typescript';
import type { SourceFiles } from './source-files.js';

export interface LogMessage {
  readonly message: string;
  readonly levels: readonly string[];
  /** Those that are written out where it is logged. */
  readonly fields: readonly string[];
}

const LEVELS = ['debug', 'info', 'warn', 'error'];

/** Every call of a logger, by message. @throws where a message is put together from parts that vary */
export function logMessages(files: SourceFiles): LogMessage[] {
  const found = new Map<string, LogMessage>();
  for (const [path, text] of files) {
    if (!path.startsWith('src/') || path.startsWith('src/testing/') || path.startsWith('src/cli/')) continue;
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const constants = constantsOf(file);
    const visit = (node: ts.Node) => {
      const level = ts.isCallExpression(node) ? levelOf(node, file) : null;
      if (level !== null) {
        const { arguments: given } = node as ts.CallExpression;
        const fields = given.find(ts.isObjectLiteralExpression);
        const last = given.at(-1) as ts.Expression;
        const message = textOf(last, constants);
        if (message === null && !ts.isIdentifier(last)) throw new Error(`${path}: ${last.getText(file)} is not stable`);
        // A helper hands its message on.
        if (message !== null) add(found, message, level, fields);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return [...found.values()].sort((a, b) => (a.message < b.message ? -1 : 1));
}

function add(
  found: Map<string, LogMessage>,
  message: string,
  level: string,
  fields: ts.ObjectLiteralExpression | undefined,
): void {
  const known = found.get(message);
  const names = (fields?.properties ?? []).flatMap((property) =>
    property.name && !ts.isComputedPropertyName(property.name) ? [property.name.text as string] : [],
  );
  const levels = [...new Set([...(known?.levels ?? []), level])].sort();
  found.set(message, { message, levels, fields: [...new Set([...(known?.fields ?? []), ...names])].sort() });
}

/** The level of a call of a logger, or of a method of our own that hands on to one. */
function levelOf({ expression, arguments: given }: ts.CallExpression, file: ts.SourceFile): string | null {
  if (!ts.isPropertyAccessExpression(expression) || given.length < 2) return null;
  const name = expression.name.text;
  const on = expression.expression.getText(file);
  if (LEVELS.includes(name)) return /logger|defaultLogger\(\)/i.test(on) ? name : null;
  if (on === 'this' && name === '#warn') return 'warn';
  return on === 'this' && name === '#tell' && /credit-gate/.test(file.fileName) ? 'error' : null;
}

interface Constant {
  readonly name: string;
  readonly text: string;
  readonly at: number;
}

/** The texts that names stand for, in the order of the file: of two with one name the nearer one counts. */
function constantsOf(file: ts.SourceFile): readonly Constant[] {
  const constants: Constant[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isVariableDeclaration(node) && node.initializer && ts.isIdentifier(node.name)) {
      const text = textOf(node.initializer, constants);
      if (text !== null) constants.unshift({ name: node.name.text, text, at: node.pos });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return constants;
}

function textOf(node: ts.Expression, constants: readonly Constant[]): string | null {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isIdentifier(node)) return constants.find(({ name, at }) => name === node.text && at < node.pos)?.text ?? null;
  if (!ts.isTemplateExpression(node)) return null;
  let text = node.head.text;
  for (const { expression, literal } of node.templateSpans) {
    const part = textOf(expression, constants);
    if (part === null) return null;
    text += part + literal.text;
  }
  return text;
}
