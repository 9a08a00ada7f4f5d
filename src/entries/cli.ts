#!/usr/bin/env node
/** The program `credit-management`: jobs, repairs and single accounts from a terminal, a scheduler or a container. */
import { askOn } from '../cli/ask.js';
import { runCli } from '../cli/main.js';
import { printable } from '../cli/printable.js';
import { findTemporal } from '../cli/temporal.js';
import { readConfigFile, watchConfigFile } from '../config/file.js';
import type { Environment } from '../config/read.js';
import { mongodbSchema } from '../db/mongodb/schema-text.js';
import { postgresSchema } from '../db/sql/postgres/schema-text.js';
import { createCreditManagementFromEnv } from '../env.js';
import { openApiOf } from '../http/openapi.js';
import { adminRoutes, userRoutes } from '../http/routes/table.js';

const stop = new AbortController();
const forced = new AbortController();
// Handled every time: a terminal and a supervisor may both send a signal, and the second must not kill a batch.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => (stop.signal.aborted ? forced : stop).abort());
}

// The reader of the output may leave early, as `head` does. Long work then stops, as it does after a signal.
process.stdout.on('error', () => stop.abort());
process.stderr.on('error', () => {});

/** Warnings go to the error stream, because programs read the output. */
const tell = (object: object, message = '') => {
  const { err } = object as { err?: Error };
  process.stderr.write(`${printable(`${message}${err ? `: ${err.message}` : ''}`)}\n`);
};
const logger = { debug: () => {}, info: () => {}, warn: tell, error: tell };

const { stdin: input, stderr: output } = process;
const hasPerson = input.isTTY === true && output.isTTY === true;
const io = {
  env: process.env,
  configFile: () => readConfigFile(process.cwd()),
  watchConfig: (changed: () => void) => watchConfigFile(process.cwd(), changed),
  out: (text: string) => process.stdout.write(text),
  err: (text: string) => process.stderr.write(text),
  isTerminal: output.isTTY === true,
  ask: hasPerson ? (sentence: string) => askOn({ input, output, signal: stop.signal }, printable(sentence)) : null,
  signal: stop.signal,
  forced: forced.signal,
};

async function main(): Promise<number> {
  const temporal = await findTemporal();
  const program = {
    open: (env: Environment, names: readonly string[], creditScale?: number) => {
      const creditTypes = Object.fromEntries(names.map((name) => [name, {}]));
      return createCreditManagementFromEnv({ creditTypes, creditScale, logger, temporal }, env);
    },
    schemas: { postgres: postgresSchema, mongodb: mongodbSchema },
    serve: async (env: Environment) => (await import('../serve/service.js')).openService(env),
    openapi: () => openApiOf([...new Set([...userRoutes, ...adminRoutes])], ''),
  };
  return runCli(process.argv.slice(2), io, program);
}

void main().then((code) => {
  process.exitCode = code;
  // Whatever is still under way was given up.
  if (forced.signal.aborted) process.exit();
});
