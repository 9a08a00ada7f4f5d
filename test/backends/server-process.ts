/**
 * `tsx test/backends/server-process.ts NAME ROOT FLAG…` starts a server with its data in a new folder of ROOT, says in
 * one line of JSON how to reach it or why it cannot be had, and stops it when its standard input ends: also when
 * whoever started this process was killed.
 */
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { startOwnMongo } from './own-mongo.js';
import type { Answer, OwnServer, ServerName } from './own-server.js';

const STARTERS: Record<ServerName, (flags: readonly string[]) => Promise<OwnServer>> = {
  postgres: startEmbeddedPostgres,
  mongo: startOwnMongo,
};

const say = (answer: Answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const ended = new Promise<void>((resolve) => process.stdin.once('close', resolve).resume());

try {
  const [name, root, ...flags] = process.argv.slice(2);
  // Both starters make their folder in the temporary one. tsx, which has started already, keeps its own.
  process.env.TMPDIR = root;
  const server = await STARTERS[name as ServerName](flags);
  say({ url: server.url });
  await ended;
  await server.stop();
} catch (error) {
  say({ missing: error instanceof Error ? error.message : String(error) });
}
process.exit();
