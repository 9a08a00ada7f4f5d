/** A server with the middleware, which its parent kills: its user comes from a header, the cost from the path. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { creditDeduction } from '../../../src/entries/express.js';
import { addLlmUsage } from '../../../src/index.js';
import { openManager, type WorkerConfig } from '../../backends/open-adapter.js';

const manager = openManager(JSON.parse(process.argv[2] ?? '') as WorkerConfig);
await manager.init();
const guard = creditDeduction({
  ...{ credits: manager.credits, defaultEstimatedTokens: 10, holdSeconds: 1 },
  authenticate: ({ headers }) => ({ userId: String(headers['x-user-id']) }),
});
const server = createServer((request, response) =>
  guard(request, response, () => {
    addLlmUsage({ model: 'm', provider: 'p', cost: Number(request.url?.slice(1)) });
    void sleep(5).then(() => response.end('done'));
  }),
);
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
