/** The health of a service: whether it serves, whether it is ready, and the state of each part. */
import type { Health } from '../../models/records/health.js';
import { HealthReader } from '../health-reader.js';
import { type Route, route } from '../route.js';

const HEALTH = '/api/v1/health';
const row = { method: 'GET', tag: 'Merchants' } as const;

/** Only without the database nothing can be done. */
export const unhealthy = (health: object) => ((health as Pick<Health, 'status'>).status === 'unhealthy' ? 503 : 200);

export const healthRoutes: readonly Route[] = [
  route({
    ...{ ...row, name: 'getServiceHealth', path: HEALTH, who: 'anyone', answer: 'Alive' },
    summary: 'Whether the process serves; it asks nothing of the database',
    run: async () => ({ status: 'healthy' }),
  }),
  route({
    ...{ ...row, name: 'getReadiness', path: `${HEALTH}/ready`, who: 'anyone', answer: 'Alive', status: unhealthy },
    summary: 'Whether the database can be reached, for a readiness probe: 503 where not',
    run: async ({ manager }) => ({ status: (await HealthReader.of(manager).health()).status }),
  }),
  route({
    ...{ ...row, name: 'getDetailedHealth', path: `${HEALTH}/detailed`, who: 'admin', answer: 'DetailedHealth' },
    ...{ summary: 'The state of each part, and totals that are at most 60 s old', status: unhealthy },
    async run({ manager }) {
      const reader = HealthReader.of(manager);
      const [health, metrics] = await Promise.all([reader.health(), reader.totals()]);
      const { status, components } = health;
      const { cache: redis, ...others } = components;
      return { status, components: { ...others, redis }, metrics, problems: problemsOf(health) };
    },
  }),
];

function problemsOf(health: Health): string[] {
  const { sinkProblems, sourceProblems, differingSettings, undelivered, isDatabaseOlder } = health;
  return [
    ...[...sinkProblems, ...sourceProblems].map(({ problem }) => problem),
    ...differingSettings.map((name) => `The setting ${name} differs from that of the database, which is in force.`),
    ...undelivered.map(({ receiver }) => `Events for ${receiver} wait, and no process delivers them.`),
    ...(isDatabaseOlder ? ['The database is older than its ledger file.'] : []),
  ];
}
