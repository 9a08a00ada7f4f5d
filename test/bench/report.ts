/** How a benchmark tells what it found. */
import type { Result } from './closed-loop.js';

/** Prints as people read it, or each fact as a line of JSON. */
export class Report {
  readonly #adapter: string;
  readonly #json: boolean;

  constructor(adapter: string, json: boolean) {
    this.#adapter = adapter;
    this.#json = json;
  }

  /** A measurement; people see the ratios. */
  result(result: Result): void {
    if (this.#json) console.log(JSON.stringify(result));
  }

  /** The same with what the operations cost. */
  measured(measured: Readonly<Record<string, number | string | null>>): void {
    if (this.#json) console.log(JSON.stringify(measured));
  }

  /** Figures that are no goal. */
  figures(name: string, figures: Readonly<Record<string, number | string>>): void {
    if (this.#json) console.log(JSON.stringify({ adapter: this.#adapter, figures: name, ...figures }));
    else {
      const list = Object.entries(figures).map(
        ([key, value]) => `${key} ${typeof value === 'number' ? shown(value) : value}`,
      );
      console.log(`${name}: ${list.join(', ')}`);
    }
  }

  /** A figure with its goal and the least that is allowed. */
  goal(name: string, value: number, goal: number, floor: number): void {
    if (this.#json) console.log(JSON.stringify({ adapter: this.#adapter, goal: name, value, target: goal, floor }));
    else console.log(`${name.padEnd(66)} ${shown(value).padStart(6)}  (goal ${goal}, floor ${floor})`);
  }
}

function shown(value: number): string {
  if (Number.isInteger(value) || value >= 1_000) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3);
}
