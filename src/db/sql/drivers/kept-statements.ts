/**
 * The prepared statements of one connection. The server's backend pays for each of them with memory, so there are not
 * many: the one that was not used for longest makes room.
 */
import { randomBytes } from 'node:crypto';

const KEPT_MAX = 40;
/** Tells the names of this copy of the library from those of another one that uses the same connection. */
const COPY = randomBytes(4).toString('hex');

export class KeptStatements {
  /** Names by text, in the order of their last use. */
  readonly #names = new Map<string, string>();
  #made = 0;

  /**
   * The name under which the connection keeps a statement, and the name that it has to give up for it, or null. No name
   * is used twice: the driver may remember which text it had.
   */
  keep(text: string): { readonly name: string; readonly givenUp: string | null } {
    const name = this.#names.get(text) ?? `cm_${COPY}_${++this.#made}`;
    this.#names.delete(text);
    this.#names.set(text, name);
    if (this.#names.size <= KEPT_MAX) return { name, givenUp: null };
    for (const [oldest, givenUp] of this.#names) {
      this.#names.delete(oldest);
      return { name, givenUp };
    }
    return { name, givenUp: null };
  }
}
