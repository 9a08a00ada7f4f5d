/** What a seeded bug is: one small patch, and the tests that must turn red with it. */

/** A test by its file and the whole, or a unique part, of its full name (describe blocks and title). */
export interface NamedTest {
  readonly file: string;
  readonly name: string;
}

/** `find` occurs exactly once. */
export interface Edit {
  readonly find: string;
  readonly replace: string;
}

/** Something a tired programmer would write. */
export interface SeededBug extends Edit {
  /** Of the list in the reliability plan, or `SM`: a mutant that survived once. Letters tell forms of one bug apart. */
  readonly id: string;
  readonly title: string;
  readonly file: string;
  /** What has to change in the same file with it. */
  readonly also?: readonly Edit[];
  /** Each of them must be green without the patch and red with it. */
  readonly tests: readonly NamedTest[];
}
