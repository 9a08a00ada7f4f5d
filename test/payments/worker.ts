/** A process with a manager and a provider of its own: it answers each webhook, or `dies` once that is committed. */
import { openManager, type WorkerConfig } from '../backends/open-adapter.js';
import { plainProvider } from './plain-provider.js';

/** `error` is the code of a call that rejected; the provider then sends again. */
export type Taken = { readonly id: number; readonly error: string | null };

const manager = openManager(JSON.parse(process.argv[2] as string) as WorkerConfig);
manager.payments.registerProvider(plainProvider());
process.on('disconnect', () => process.exit());
process.on('message', ({ id, body, dies }: { id: number; body: string; dies: boolean }) => {
  const told = (error: string | null) => process.connected && process.send?.({ id, error } satisfies Taken);
  manager.payments.handleWebhook('plain', body, {}).then(
    () => (dies ? process.kill(process.pid, 'SIGKILL') : told(null)),
    (error: { code?: string }) => told(error.code ?? String(error)),
  );
});
void manager.init().then(() => process.send?.('ready'));
