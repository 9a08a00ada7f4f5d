/**
 * Remembers documents that another transaction had lately. Their units travel apart, so that they hold up and fail no
 * others.
 */
import type { DocumentUnit } from './units.js';

const REMEMBERED_MS = 1_000;
const REMEMBERED_MAX = 10_000;

export class ContendedDocuments {
  readonly #until = new Map<string, number>();

  split(units: readonly DocumentUnit[]): {
    readonly free: readonly DocumentUnit[];
    readonly contended: readonly DocumentUnit[];
  } {
    if (this.#until.size === 0 || units.length === 1) return { free: units, contended: [] };
    const now = performance.now();
    const contended = units.filter((unit) => namesOf(unit).some((name) => (this.#until.get(name) ?? 0) > now));
    return { free: units.filter((unit) => !contended.includes(unit)), contended };
  }

  note(units: readonly DocumentUnit[]): void {
    if (this.#until.size > REMEMBERED_MAX) this.#until.clear();
    const until = performance.now() + REMEMBERED_MS;
    for (const unit of units) for (const name of namesOf(unit)) this.#until.set(name, until);
  }

  forget(units: readonly DocumentUnit[]): void {
    if (this.#until.size === 0) return;
    for (const unit of units) for (const name of namesOf(unit)) this.#until.delete(name);
  }
}

/** The documents that others may have: those that exist, or, for a unit of inserts alone, those that it inserts. */
function namesOf({ changes }: DocumentUnit): string[] {
  const existing = changes.filter(({ op }) => op !== 'insert');
  return (existing.length > 0 ? existing : changes).map(({ collection, key }) => `${collection.name}\n${key}`);
}
