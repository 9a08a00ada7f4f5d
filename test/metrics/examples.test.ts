/** The alert rules and the dashboard of the examples name metrics that there are. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { METRICS } from '../../src/models/metrics.js';
import { isOnPath } from '../backends/own-program.js';

const pathOf = (name: string) => fileURLToPath(new URL(`../../examples/credit-service/${name}`, import.meta.url));
const known = new Set(
  Object.entries(METRICS).flatMap(([name, { type }]) =>
    type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name],
  ),
);

test.each([
  ['alerts.yml', 8],
  ['dashboard.json', 15],
])('%s names metrics that there are', (file, least) => {
  const named = new Set(readFileSync(pathOf(file), 'utf8').match(/\b(credits|http)_[a-z_]+\b/g));
  expect([...named].filter((name) => !known.has(name))).toEqual([]);
  expect(named.size).toBeGreaterThanOrEqual(least);
});

test.skipIf(!isOnPath('promtool'))('promtool takes the rules and every query (needs promtool)', () => {
  const rules = spawnSync('promtool', ['check', 'rules', pathOf('alerts.yml')], { encoding: 'utf8' });
  expect([rules.status, rules.stdout]).toEqual([0, expect.stringContaining('8 rules found')]);
  const { panels } = JSON.parse(readFileSync(pathOf('dashboard.json'), 'utf8')) as {
    panels: readonly { targets: readonly { expr: string }[] }[];
  };
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const asRules = { groups: [{ name: 'd', rules: queries.map((expr, i) => ({ record: `q${i}`, expr })) }] };
  const folder = mkdtempSync(join(tmpdir(), 'credit-rules-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'queries.yml');
  writeFileSync(file, JSON.stringify(asRules));
  const checked = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
  expect([checked.status, checked.stdout]).toEqual([0, expect.stringContaining(`${queries.length} rules found`)]);
});
