import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isFull } from '../support/amounts.js';
import { RecipeWalk } from './recipe-walk.js';
import { adapter } from './recipes/adapter.js';
import { entryField } from './recipes/entry-field.js';
import { grantField } from './recipes/grant-field.js';
import { operation } from './recipes/operation.js';
import { planField } from './recipes/plan-field.js';
import type { Recipe } from './recipes/recipe.js';
import { ROOT } from './source-files.js';

const RECIPES: readonly Recipe[] = [planField, entryField, grantField, operation, adapter];

/** Both of its claims are wrong. */
const WRONG: Recipe = {
  ...{ heading: '', what: 'a comment', brings: 'harmless' },
  rounds: [
    { red: 'begin', touches: [{ file: 'src/core/harmless.ts', edits: 'export const harmless = 1;\n' }] },
    { red: { compiler: ['src/core/harmless.ts'] }, touches: [] },
    {
      red: { tests: [{ file: 'test/models/every-field.test.ts', name: "is shown by 'a plan'", says: 'harmless' }] },
      touches: [],
    },
  ],
};

// Each run of the compiler and of the tests in it takes as long as many files here.
describe.runIf(isFull)('recipes', () => {
  let walk: RecipeWalk;
  beforeAll(() => {
    walk = new RecipeWalk([...RECIPES, WRONG]);
    walk.follow();
  });
  afterAll(() => walk.remove());

  test.each(RECIPES)('$heading, $what: each round is led to by what was red before it', (recipe) => {
    expect(walk.problems.filter((one) => one.recipe === recipe).map(({ problem }) => problem)).toEqual([]);
  });

  test('a claim that is not true is found', () => {
    expect(walk.problems.filter(({ recipe }) => recipe === WRONG).map(({ problem }) => problem)).toEqual([
      'the compiler does not name src/core/harmless.ts: null',
      expect.stringContaining("'is shown by 'a plan'' does not say harmless"),
    ]);
  });

  test('all followed to their ends, everything is green', () => {
    expect(walk.leftRed(['test/core/replay.test.ts'])).toEqual([]);
  });
  test('and every other file compiles as before', () => {
    expect(walk.everyError()).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  const text = readFileSync(join(ROOT, '.github/CONTRIBUTING.md'), 'utf8');
  const sections = new Map(
    text.split(/^### /m).map((section): [string, string] => {
      const [heading = '', ...lines] = (section.split(/^## /m)[0] ?? '').split('\n');
      return [heading, lines.join('\n')];
    }),
  );
  const headings = [...new Set(RECIPES.map(({ heading }) => heading))];

  /** Files whose name is that of the thing are `<name>` there. */
  const toldAs = (recipe: Recipe, file: string) => file.replace(recipe.brings, '<name>');

  test.each(headings)('%s: names every file that is touched, and no other', (heading) => {
    const recipes = RECIPES.filter((recipe) => recipe.heading === heading);
    const told = [...(sections.get(heading) ?? '').matchAll(/`((?:[\w<>.-]+\/)*[\w<>.-]+\.(?:ts|json|md))`/g)];
    const names = new Set(told.map(([, name]) => name));
    const touched = recipes.flatMap((recipe) =>
      recipe.rounds.flatMap(({ touches }) => touches.map(({ file }) => toldAs(recipe, file))),
    );
    expect(touched.filter((file) => !names.has(file))).toEqual([]);
    const known = new Set([...touched, ...recipes.flatMap((recipe) => namedBeside(recipe))]);
    expect([...names].filter((name) => !known.has(name as string))).toEqual([]);
  });

  test('every recipe is followed by this test', () => {
    expect([...sections.keys()].filter((heading) => heading.startsWith('Add '))).toEqual(headings);
  });
});

function namedBeside({ rounds, alsoNamed = [] }: Recipe): string[] {
  const red = rounds.flatMap((round) => (round.red === 'begin' ? [] : [round.red]));
  return [...red.flatMap((one) => ('tests' in one ? one.tests.map(({ file }) => file) : one.compiler)), ...alsoNamed];
}
