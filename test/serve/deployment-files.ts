/** The files of examples/credit-service, read as the programs read them that they are for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { stagesOf } from '../package/dockerfile.js';
import { ROOT } from '../package/source-files.js';

export const FOLDER = join(ROOT, 'examples', 'credit-service');
export const textOf = (name: string) => readFileSync(join(FOLDER, name), 'utf8');

/** Our own package.json. */
export const ours = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly devDependencies: Readonly<Record<string, string>>;
};

export const stages = stagesOf(textOf('Dockerfile'));

type Values = Readonly<Record<string, string>>;

/** A service of compose.yaml; the fields that tests look at. */
export interface ComposeService {
  readonly image?: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly env_file?: string;
  readonly environment?: Values;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly restart?: string;
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
}

export interface Compose {
  readonly services: Readonly<Record<'credit-service' | 'migrate' | 'postgres' | 'redis' | 'nats', ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export const composeText = textOf('compose.yaml');

/** compose.yaml with the variables of `.env` in their places; without them, as it is written. */
export function compose(env?: Values): Compose {
  const text = composeText.replace(/\$\{(\w+):\?[^}]*\}/g, (whole, name: string) => env?.[name] ?? whole);
  return parse(text, { merge: true });
}

/** The variables of a `.env`: plain lines, as all of its readers read them. */
export function variablesIn(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]));
}

/** An object of Kubernetes, as loosely as YAML gives it. */
// biome-ignore lint/suspicious/noExplicitAny: the tests themselves say which fields there are.
export type KubernetesObject = any;

/** The objects of kubernetes.yaml by their kind. */
export function kubernetes(): Readonly<Record<string, KubernetesObject>> {
  const documents = parseAllDocuments(textOf('kubernetes.yaml'));
  return Object.fromEntries(
    documents.map((document) => {
      if (document.errors[0]) throw document.errors[0];
      const object = document.toJS();
      return [object.kind, object];
    }),
  );
}

/** The sections of a unit of systemd. */
export function unit(): Readonly<Record<string, Values>> {
  const sections: Record<string, Record<string, string>> = {};
  let section: Record<string, string> = {};
  for (const line of textOf('credit-service.service').split('\n')) {
    const name = /^\[(\w+)\]$/.exec(line)?.[1];
    if (name) sections[name] = section = {};
    else if (line !== '' && !line.startsWith('#')) section[line.split('=')[0] as string] = line.replace(/^\w+=/, '');
  }
  return sections;
}
