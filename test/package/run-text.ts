/** Program text of README.md, run inside this process: its imports become parameters of a function. */
import * as fs from 'node:fs';
import * as module from 'node:module';
import * as path from 'node:path';
import * as main from 'credit-management';
import * as env from 'credit-management/env';
import * as express from 'credit-management/express';
import * as http from 'credit-management/http';
import * as metrics from 'credit-management/metrics';
import * as mongodb from 'credit-management/mongodb';
import * as otel from 'credit-management/otel';
import * as sql from 'credit-management/sql';
import * as testing from 'credit-management/testing';
import * as promClient from 'prom-client';

/** What a text may import. */
const MODULES: Readonly<Record<string, object>> = {
  'credit-management': main,
  'credit-management/env': env,
  'credit-management/express': express,
  'credit-management/http': http,
  'credit-management/metrics': metrics,
  'credit-management/mongodb': mongodb,
  'credit-management/otel': otel,
  'credit-management/sql': sql,
  'credit-management/testing': testing,
  'node:fs': fs,
  'node:module': module,
  'node:path': path,
  'prom-client': promClient,
};
const AsyncFunction = (async () => {}).constructor as new (
  ...parametersAndBody: string[]
) => (...values: unknown[]) => Promise<unknown>;

/**
 * Runs statements that may import, await and return.
 *
 * @param given values that the text uses by these names
 */
export async function runText(text: string, given: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  const names = Object.keys(given);
  const values = Object.values(given);
  const statements = text.replace(/^import \{ ([^}]+) \} from '([^']+)';$/gm, (_, list: string, from: string) => {
    for (const name of list.split(', ')) {
      const value = (MODULES[from] as Readonly<Record<string, unknown>> | undefined)?.[name];
      if (value === undefined) throw new Error(`${from} does not export ${name}`);
      if (names.includes(name)) continue;
      names.push(name);
      values.push(value);
    }
    return '';
  });
  return new AsyncFunction(...names, statements)(...values);
}
