/** A process with a manager and a provider that charges: it deducts a credit for each message, and answers it. */
import { openManager, type WorkerConfig } from '../backends/open-adapter.js';
import { sleep } from '../support/wait.js';
import { chargingProvider } from './charging-provider.js';
import type { Taken } from './worker.js';

/** `folder`: what the provider of all processes charged. */
export type TopUpWorkerConfig = WorkerConfig & { readonly folder: string; readonly waitMs: number };

const config = JSON.parse(process.argv[2] as string) as TopUpWorkerConfig;
const manager = openManager(config);
const provider = chargingProvider(config.folder);
// Time enough to end the process between the charge and its record.
provider.waits = () => sleep(config.waitMs);
manager.payments.registerProvider(provider);
process.on('disconnect', () => process.exit());
process.on('message', ({ id, body }: { id: number; body: string }) => {
  const told = (error: string | null) => process.connected && process.send?.({ id, error } satisfies Taken);
  const [userId, idempotencyKey] = body.split(' ') as [string, string];
  manager.credits.deductCredits(userId, 1, { idempotencyKey }).then(
    () => told(null),
    (error: { code?: string }) => told(error.code ?? String(error)),
  );
});
void manager.init().then(() => process.send?.('ready'));
