/** A recipe of CONTRIBUTING as data: the touches that it names, made one round after the other. */

/** `find` occurs exactly once in the file. */
export interface Edit {
  readonly find: string;
  readonly replace: string;
}

export interface Touch {
  readonly file: string;
  /** What changes; the whole text of a file that is new. */
  readonly edits: readonly Edit[] | string;
}

/** The tests that lead to the touches of a round. */
export interface NamedTest {
  readonly file: string;
  /** A unique part of its full name. */
  readonly name: string;
  /** A part of what it says when it fails. */
  readonly says: string;
}

/** Touches that follow from those of the rounds before. */
export interface Round {
  /** What fails without them: the compiler, in each of these files; or each of these tests. Nothing where you begin. */
  readonly red: 'begin' | { readonly compiler: readonly string[] } | { readonly tests: readonly NamedTest[] };
  readonly touches: readonly Touch[];
}

export interface Recipe {
  /** The heading of its section. */
  readonly heading: string;
  readonly what: string;
  /** A name that the recipe brings: what the compiler says of it tells its errors from those of other recipes. */
  readonly brings: string;
  readonly rounds: readonly Round[];
  /** Files that the section names for other reasons. */
  readonly alsoNamed?: readonly string[];
  /** Tests of what was added, which must be green at the end. */
  readonly green?: readonly string[];
}

/** Puts lines behind a line that is there. */
export function behind(line: string, ...added: readonly string[]): Edit {
  return { find: `${line}\n`, replace: [line, ...added, ''].join('\n') };
}
