/** Words and constructs that the source does without, found in its syntax tree: comments and texts do not count. */
import ts from 'typescript';

export interface Ban {
  readonly what: string;
  readonly is: (node: ts.Node) => boolean;
}

const reads = (path: string): Ban => ({
  what: path,
  is: (node) => ts.isPropertyAccessExpression(node) && node.getText() === path,
});

/** An identifier that is used as a value of its own, not as the name of a member. */
const name = (what: string): Ban => ({
  what,
  is: (node) =>
    ts.isIdentifier(node) &&
    node.text === what &&
    !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) &&
    !((ts.isPropertyAssignment(node.parent) || ts.isTypeElement(node.parent)) && node.parent.name === node),
});

/** Floating point in disguise, and types that check nothing. */
export const BANNED_IN_SRC: readonly Ban[] = [
  { what: 'any', is: (node) => node.kind === ts.SyntaxKind.AnyKeyword },
  reads('Math.random'),
  { what: 'parseFloat', is: (node) => ts.isIdentifier(node) && node.text === 'parseFloat' },
  { what: 'toFixed', is: (node) => ts.isPropertyAccessExpression(node) && node.name.text === 'toFixed' },
];

/** Clock, chance and waiting: `core` is pure. */
export const BANNED_IN_CORE: readonly Ban[] = [
  { what: 'await', is: (node) => node.kind === ts.SyntaxKind.AwaitExpression },
  { what: 'async', is: (node) => node.kind === ts.SyntaxKind.AsyncKeyword },
  reads('Date.now'),
  {
    what: 'new Date()',
    is: (node) => ts.isNewExpression(node) && node.getText().startsWith('new Date') && !node.arguments?.length,
  },
  ...['performance', 'process', 'console', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map(name),
  ...['randomUUID', 'randomBytes', 'randomInt', 'randomFillSync', 'globalThis'].map(name),
];

/** One line for each find: `path:line what`. */
export function bannedIn(path: string, text: string, bans: readonly Ban[]): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    for (const ban of bans) {
      if (!ban.is(node)) continue;
      const { line } = file.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${path}:${line + 1} ${ban.what}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
