/** The long versions of these suites for `npm run torture`: files, and how much of each; all under 10 minutes. */
export const PROCESS_SUITES: Record<string, { files: readonly string[]; env: Record<string, number> }> = {
  races: { files: ['test/processes/races.test.ts'], env: { CREDIT_RACES: 400 } },
  kills: {
    files: ['test/processes/kills.test.ts', 'test/processes/server.test.ts'],
    env: { CREDIT_KILLS: 200, CREDIT_SERVER_KILLS: 5 },
  },
  payments: {
    files: ['test/payments/kills.test.ts', 'test/payments/orders.test.ts'],
    env: { CREDIT_PAYMENT_KILLS: 60, CREDIT_PAYMENT_ORDERS: 960 },
  },
  nats: {
    files: ['test/nats/kills.test.ts', 'test/nats/failures.test.ts', 'test/nats/consumer-kills.test.ts'],
    env: { CREDIT_NATS_KILLS: 25, CREDIT_NATS_MESSAGES: 2_000 },
  },
  serve: {
    files: ['test/serve/soak.test.ts', 'test/serve/stops.test.ts'],
    env: { CREDIT_SOAK_ROUNDS: 30, CREDIT_SOAK_SECONDS: 60, CREDIT_SERVICE_STOPS: 10 },
  },
  failover: { files: ['test/processes/failover.test.ts'], env: { CREDIT_FAILOVERS: 20 } },
  network: { files: ['test/processes/network.test.ts'], env: { CREDIT_CUTS: 400 } },
  jobs: { files: ['test/jobs/processes.test.ts'], env: { CREDIT_DUE: 4_000 } },
  volume: { files: ['test/jobs/volume.test.ts'], env: { CREDIT_VOLUME: 100_000 } },
};
