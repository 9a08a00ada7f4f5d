/** Keeps the hash of a ledger line in sixteen bytes, so that a file of millions fits into memory for a comparison. */

/** The number of leading hex digits kept of a SHA-256: 52 bits, which a double holds exactly. */
const DIGITS = 13;

/** A growing set with open addressing. A member can be marked when the other side of the comparison has it too. */
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

  /** Marks the hash, and answers whether it is a member. */
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
