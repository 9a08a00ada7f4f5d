/** The functions of a test runner that the conformance suites need, and their registration. They import no runner. */

/** The two functions of your test runner that the suites use. Those of vitest, Jest and node:test fit. */
export interface TestApi {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void>): void;
}

/** Tests that an adapter cannot pass, with the reason. `tests` has names of tests or of whole groups. */
export interface SkippedTests {
  readonly reason: string;
  readonly tests: readonly string[];
}

/** The tests of one concern, by name. */
export interface TestGroup {
  readonly name: string;
  readonly tests: Readonly<Record<string, () => Promise<void>>>;
}

/**
 * Registers groups of tests with a runner. A skipped test stays visible: its name ends with `(skipped: reason)`.
 *
 * @throws Error when `skip` names a test that does not exist, so that a renamed test cannot stay skipped unseen, or
 *   when two tests have one name.
 * @example
 * const sums = { name: 'sums', tests: { 'one and one is two': async () => assert.equal(1 + 1, 2) } };
 * registerTests({ describe, test }, [sums]);
 */
export function registerTests(t: TestApi, groups: readonly TestGroup[], skip: readonly SkippedTests[] = []): void {
  const names = groups.flatMap((group) => [group.name, ...Object.keys(group.tests)]);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`Two tests or groups of this suite are called "${twice}".`);

  const reasons = new Map<string, string>();
  for (const { reason, tests } of skip) {
    for (const name of tests) {
      if (!names.includes(name)) throw new Error(`skip: no test or group of this suite is called "${name}".`);
      reasons.set(name, reason);
    }
  }

  for (const group of groups) {
    t.describe(group.name, () => {
      for (const [name, body] of Object.entries(group.tests)) {
        const reason = reasons.get(name) ?? reasons.get(group.name);
        if (reason === undefined) t.test(name, body);
        else t.test(`${name} (skipped: ${reason})`, async () => {});
      }
    });
  }
}
