/** Hashes of ledger lines in sixteen bytes each, so that a file of millions can be compared with its database. */

/** Leading hex digits kept of a SHA-256: 52 bits, all that a double holds exactly. */
const DIGITS = 13;

/** A growing set with open addressing. Each member can be marked once as found on the other side. */
export class HashSet {
  #slots = new Float64Array(1 << 16);
  #marks = new Uint8Array(1 << 16);
  #size = 0;
  #marked = 0;

  get size(): number {
    return this.#size;
  }

  get marked(): number {
    return this.#marked;
  }

  /** @param hash a SHA-256 in hex. */
  add(hash: string): void {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    const value = numberOf(hash);
    const slot = this.#slotOf(value);
    if (this.#slots[slot] === value) return;
    this.#slots[slot] = value;
    this.#size++;
  }

  /** Whether the hash is a member; if so it is marked. */
  mark(hash: string): boolean {
    const value = numberOf(hash);
    const slot = this.#slotOf(value);
    if (this.#slots[slot] !== value) return false;
    if (this.#marks[slot] === 0) this.#marked++;
    this.#marks[slot] = 1;
    return true;
  }

  isMarked(hash: string): boolean {
    const value = numberOf(hash);
    const slot = this.#slotOf(value);
    return this.#slots[slot] === value && this.#marks[slot] === 1;
  }

  #slotOf(value: number): number {
    const mask = this.#slots.length - 1;
    // The low 32 bits of a hash are as good as any.
    let slot = (value >>> 0) & mask;
    while (this.#slots[slot] !== 0 && this.#slots[slot] !== value) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const slots = this.#slots;
    const marks = this.#marks;
    this.#slots = new Float64Array(slots.length * 2);
    this.#marks = new Uint8Array(slots.length * 2);
    for (let i = 0; i < slots.length; i++) {
      const value = slots[i] as number;
      if (value === 0) continue;
      const slot = this.#slotOf(value);
      this.#slots[slot] = value;
      this.#marks[slot] = marks[i] as number;
    }
  }
}

/** Never 0, which marks a free slot. */
function numberOf(hash: string): number {
  return Number.parseInt(hash.slice(0, DIGITS), 16) + 1;
}
