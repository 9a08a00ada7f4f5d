/** Thrown by a check that cannot be made here: it is reported as skipped, with this reason. */
export class Skip extends Error {}

/** Runs checks one after another, prints a line for each and, at the end, the counts alone on a line. */
export class Checks {
  readonly #counts = { passed: 0, failed: 0, skipped: 0 };

  /** The result of `body`; undefined when it failed or was skipped, as it is when something in `needs` is undefined. */
  async run<T>(name: string, body: () => T | Promise<T>, ...needs: readonly unknown[]): Promise<T | undefined> {
    if (needs.includes(undefined)) {
      this.#counts.skipped++;
      console.log(`skipped ${name}: what it needs has failed`);
      return undefined;
    }
    const start = performance.now();
    try {
      const result = await body();
      this.#counts.passed++;
      console.log(`ok ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
      return result;
    } catch (error) {
      if (error instanceof Skip) {
        this.#counts.skipped++;
        console.log(`skipped ${name}: ${error.message}`);
        return undefined;
      }
      this.#counts.failed++;
      console.log(`FAILED ${name}: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }

  /** Prints the counts; the process fails unless something ran and nothing failed. */
  finish(): void {
    const { passed, failed, skipped } = this.#counts;
    if (failed > 0 || passed === 0) process.exitCode = 1;
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
}
