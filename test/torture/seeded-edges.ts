/** Seeded bugs of the edges: what callers type, what time does at an instant, what the audit and the jobs look at. */
import type { SeededBug } from './seeded-bug.js';

export const EDGE_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-e01',
    title: 'the command line prints stored text as it is, escape sequences too',
    file: 'src/cli/main.ts',
    find: "lines().map(printable).join('\\n')",
    replace: "lines().join('\\n')",
    tests: [
      {
        file: 'test/cli/commands.test.ts',
        name: 'text that callers stored is printed on one line, its control characters escaped',
      },
    ],
  },
  {
    id: 'SM-e02',
    title: 'a promo code is made upper-case before it is checked',
    file: 'src/models/inputs/promos.ts',
    find: '.transform((code) => code.trim())',
    replace: '.transform((code) => code.trim().toUpperCase())',
    tests: [{ file: 'test/promos/promos.test.ts', name: 'a text that is no code claims none: it is judged before' }],
  },
];
