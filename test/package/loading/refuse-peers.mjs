/** Preloaded with `--import`: resolving a package named in PEERS fails and is noted in the file PEERS_LOG. */
import { appendFileSync } from 'node:fs';
import Module, { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const peers = process.env.PEERS.split(',');

function refuse(specifier) {
  if (!peers.some((peer) => specifier === peer || specifier.startsWith(`${peer}/`))) return;
  appendFileSync(process.env.PEERS_LOG, `${specifier}\n`);
  throw new Error(`optional peer ${specifier} was asked for`);
}

/** The hook of ES modules; it runs in a thread of its own, which loads this file once more. */
export async function resolve(specifier, context, next) {
  refuse(specifier);
  return next(specifier, context);
}

if (isMainThread) {
  register(import.meta.url);
  const resolveFilename = Module._resolveFilename;
  Module._resolveFilename = function (request, ...rest) {
    refuse(request);
    return resolveFilename.call(this, request, ...rest);
  };
}
