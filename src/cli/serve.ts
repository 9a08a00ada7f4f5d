/** The command `serve`: the service until it is stopped. */
import type { Environment } from '../config/read.js';
import { type CliCall, type CliCommand, EXIT, merged } from './command.js';
import { printable } from './printable.js';

/** A service that runs. */
export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the service, or tells what is wrong with its configuration. */
export type Serve = (env: Environment) => Promise<Served | { readonly problems: readonly string[] }>;

const MEMORY: Environment = {
  ...{ CREDIT_DATABASE_URL: undefined, CREDIT_MONGO_URI: undefined, DATABASE_URL: undefined },
  CREDIT_ALLOW_MEMORY: '1',
};

export function serveCommand(serve: Serve): CliCommand {
  return {
    name: 'serve',
    args: [],
    help: 'run the service: HTTP APIs, jobs, events out and messages in (SIGINT, SIGTERM stop it)',
    flags: {},
    async run(call) {
      const { io } = call;
      const env = merged(call.sources);
      const served = await serve(call.flags.memory ? { ...env, ...MEMORY } : env);
      if ('problems' in served) return refuse(call, served.problems);
      io.err(`credit-management serves ${served.url}\n`);
      await aborted(io.signal);
      await Promise.race([served.close(), aborted(io.forced ?? null)]);
      if (!io.forced?.aborted) return EXIT.done;
      io.err('Stopped at once: requests under way were not answered. What was committed stands.\n');
      return EXIT.failed;
    },
  };
}

function refuse({ io, flags }: CliCall, problems: readonly string[]): number {
  if (flags.json) io.out(`${JSON.stringify({ problems })}\n`);
  else io.err(`The service does not start:\n${problems.map((one) => `- ${printable(one)}.\n`).join('')}`);
  return EXIT.usage;
}

/** Resolves when the signal is aborted; never without one. */
function aborted(signal: AbortSignal | null): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
}
