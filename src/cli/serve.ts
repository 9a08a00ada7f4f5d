/** The command `serve`: the service until it is stopped. */
import type { Environment } from '../config/read.js';
import { clearTimeout, setTimeout } from '../timers.js';
import { type CliCall, type CliCommand, type CliIo, EXIT, merged } from './command.js';
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
    flags: { watch: { help: 'for development: restart when the configuration file is written' } },
    async run(call) {
      const isWatching = call.flags.watch === true;
      for (let { sources } = call; ; sources = await call.readSources()) {
        const changed = new Change(isWatching ? call.io : {});
        const code = await serveOnce(call, serve, merged(sources), changed.signal).finally(() => changed.close());
        if (!changed.signal.aborted || call.io.signal.aborted) return code;
        call.io.err('The configuration was written: starting again\n');
      }
    },
  };
}

/** Serves until a signal, or until the configuration changes. */
async function serveOnce(call: CliCall, serve: Serve, env: Environment, changed: AbortSignal): Promise<number> {
  const { io } = call;
  const served = await serve(call.flags.memory ? { ...env, ...MEMORY } : env);
  if ('problems' in served) {
    refuse(call, served.problems);
    if (call.flags.watch === true) await Promise.race([aborted(io.signal), aborted(changed)]);
    return EXIT.usage;
  }
  io.err(`credit-management serves ${served.url}\n`);
  await Promise.race([aborted(io.signal), aborted(changed)]);
  await Promise.race([served.close(), aborted(io.forced ?? null)]);
  if (!io.forced?.aborted) return EXIT.done;
  io.err('Stopped at once: requests under way were not answered. What was committed stands.\n');
  return EXIT.failed;
}

/** Editors write a file in several steps. */
const SETTLED_MS = 200;

/** Aborts its signal a moment after the configuration file was written; never where it is not watched. */
class Change {
  readonly #abort = new AbortController();
  readonly #stop: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ watchConfig }: Pick<CliIo, 'watchConfig'>) {
    this.#stop = watchConfig?.(() => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#abort.abort(), SETTLED_MS);
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stop?.();
  }
}

function refuse({ io, flags }: CliCall, problems: readonly string[]): void {
  if (flags.json) io.out(`${JSON.stringify({ problems })}\n`);
  else io.err(`The service does not start:\n${problems.map((one) => `- ${printable(one)}.\n`).join('')}`);
}

/** Resolves when the signal is aborted; never without one. */
function aborted(signal: AbortSignal | null): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
}
