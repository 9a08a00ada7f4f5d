/** Reads the variables: each by its schema, then together. All problems are found at once. */
import {
  environmentSchema,
  notesOf,
  type Settings,
  type VariableName,
  type VariablePart,
  variableNames,
} from './variables.js';

/** Environment variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Reading {
  readonly settings: Settings;
  /** One sentence without its full stop each; none shows a value. */
  readonly problems: readonly string[];
}

const PARTS: readonly VariablePart[] = ['manager', 'api', 'service'];

/** Reads the variables of a part and of those before it. An empty variable counts as not set. */
export function readVariables(env: Environment, upTo: VariablePart): Reading {
  const read = PARTS.slice(0, PARTS.indexOf(upTo) + 1);
  const settings: Partial<Record<VariableName, unknown>> = {};
  const problems: string[] = [];
  for (const name of variableNames) {
    const given = env[name] || undefined;
    if (given === undefined || !read.includes(notesOf(name).part)) continue;
    const { data, error } = environmentSchema.shape[name].safeParse(given);
    settings[name] = data;
    if (error) problems.push(`${name} ${error.issues[0]?.message}`);
  }
  const found = settings as Settings;
  return { settings: found, problems: [...problems, ...problemsTogether(env, found, upTo)] };
}

/** The problems that no variable has by itself. */
function problemsTogether(env: Environment, settings: Settings, upTo: VariablePart): string[] {
  const problems: string[] = [];
  const isSet = (name: VariableName) => Boolean(env[name]);
  if (isSet('CREDIT_DATABASE_URL') && isSet('CREDIT_MONGO_URI')) {
    problems.push('CREDIT_DATABASE_URL and CREDIT_MONGO_URI are both set; credits live in one database');
  }
  if (isSet('CREDIT_WEBHOOK_URL') && !isSet('CREDIT_WEBHOOK_SECRET')) {
    problems.push('CREDIT_WEBHOOK_URL is set and CREDIT_WEBHOOK_SECRET is not');
  }
  if (settings.NODE_ENV === 'production' && settings.CREDIT_ALLOW_MEMORY !== '1' && !isDatabaseNamed(env)) {
    const unset = 'neither CREDIT_DATABASE_URL nor CREDIT_MONGO_URI is set';
    problems.push(`${unset}; credits in memory are lost with the process (CREDIT_ALLOW_MEMORY=1 allows it)`);
  }
  const isJwtWhole = isSet('CREDIT_API_JWT_ISSUER') && isSet('CREDIT_API_JWT_AUDIENCE');
  if (upTo !== 'manager' && isSet('CREDIT_API_JWKS_URL') && !isJwtWhole) {
    problems.push('CREDIT_API_JWT_ISSUER and CREDIT_API_JWT_AUDIENCE are needed');
  }
  return problems;
}

/** Whether a variable names a database, be its value right or wrong. */
export function isDatabaseNamed(env: Environment): boolean {
  return Boolean(env.CREDIT_DATABASE_URL || env.CREDIT_MONGO_URI || env.DATABASE_URL);
}

/** The `CREDIT_…` variables that nothing reads, each in a sentence with the nearest name that is read. */
export function unknownVariables(env: Environment): string[] {
  const known = new Set<string>(variableNames);
  return Object.keys(env)
    .filter((name) => name.startsWith('CREDIT_') && !known.has(name))
    .sort()
    .map((name) => {
      const [nearest = ''] = [...variableNames].sort((a, b) => distance(name, a) - distance(name, b));
      return `${name} is read by nothing; is it meant to be ${nearest}?`;
    });
}

/** The number of letters to add, take out or replace (Levenshtein, 1965). */
function distance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const row = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (above[j] as number) + (letter === to[j] ? 0 : 1);
      row.push(Math.min(replaced, (above[j + 1] as number) + 1, (row[j] as number) + 1));
    }
    above = row;
  }
  return above.at(-1) as number;
}
