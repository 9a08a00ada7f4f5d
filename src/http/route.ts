/** One route of the API as a line of a table: everything else is made of it, the document and the tests too. */
import { z } from 'zod';
import type { CreditErrorCode } from '../errors.js';
import { readShape } from '../models/inputs/credits.js';
import type { JsonObject } from '../models/values.js';
import type { CreditService } from '../services/credits/contract.js';
import type { CreditManagement } from '../services/manager/contract.js';
import type { AnswerName } from './answers.js';
import type { Identity } from './contract.js';
import type { Message } from './message.js';

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** What a route works with. */
export interface Services {
  readonly manager: CreditManagement<unknown, string>;
  /** The credit service of the request's credit type. */
  readonly credits: CreditService<unknown>;
  readonly who: Identity | null;
  /** The request, for a route that reads its body itself. */
  readonly message: Pick<Message, 'bytes'>;
}

/** The values of a request under our names. The verbs check them: `never` fits every parameter of theirs. */
type Args<Names extends string> = { readonly [Name in Names]: never };

export interface RouteRow<Names extends string> {
  /** The name of the step, for `authorize`. */
  readonly name: string;
  readonly method: Method;
  /** With the names of the wire: `/credits/balance/{user_id}`. */
  readonly path: string;
  /** `user`: for one's own accounts. `admin`: needs `authorize`. `merchant`: one's own, and what `authorize` allows. */
  readonly who: 'anyone' | 'user' | 'merchant' | 'admin';
  readonly tag: string;
  readonly summary: string;
  /** The arguments of the verb, by our names; each is in the path, in the query or in the body. */
  readonly args?: Readonly<Record<Names, z.ZodType>>;
  /** The schema of the verb's options. */
  readonly options?: z.ZodObject;
  /** Whether the credits are of a type that the request may name. */
  readonly typed?: boolean;
  /** Whether a request that names no user is about the caller. */
  readonly self?: boolean;
  /** The accounts that it is about, where `userId` does not tell; null for one that is not there. */
  readonly accounts?: (services: Services, args: Args<Names>) => Promise<readonly (string | null)[]>;
  readonly answer: AnswerName;
  /** The errors that only some routes have. */
  readonly errors?: readonly CreditErrorCode[];
  /** The fields of a request, by the names of the wire. */
  readonly example?: JsonObject;
  /** An answer with `replayed` is marked. Null is answered with 404. */
  readonly run: (services: Services, args: Args<Names>, options: never) => Promise<object | null>;
  /** Whether it reads its body itself, as bytes that nobody has parsed. */
  readonly isRaw?: boolean;
  /** Whether it goes on telling events: `run` answers a `Subscribe` as `subscribe`. */
  readonly isStream?: boolean;
  /** The status of an answer, default 200. */
  readonly status?: (answer: object) => number;
}

/** A row that is whole. */
export interface Route extends RouteRow<string> {
  readonly args: Readonly<Record<string, z.ZodType>>;
  /** Unlike `name`, no other route has it. */
  readonly operationId: string;
  /** The names of the arguments in the path, by our names. */
  readonly inPath: readonly string[];
  /** The fields of the query or of the body. */
  readonly input: z.ZodObject;
  /** Whether it changes anything. */
  readonly isChange: boolean;
}

/** Fields that come from elsewhere: the identity, the request id, and the process. */
const NEVER = ['session', 'signal', 'timeoutMs', 'onProgress'];

/** A route of the table. */
export function route<Names extends string>(row: RouteRow<Names>): Route {
  return whole(row as unknown as RouteRow<string>, row.name);
}

/** The same for an account of anybody, under `/admin`. */
export function forAdmins(row: Route): Route {
  const name = `admin${row.name.charAt(0).toUpperCase()}${row.name.slice(1)}`;
  return whole({ ...row, who: 'admin', self: false, path: `/admin${row.path}`, tag: `${row.tag} (admin)` }, name);
}

/** The same under an earlier path. */
export function alsoAt(path: string, row: Route): Route {
  return whole({ ...row, path, summary: `${row.summary} (earlier path)` }, `${row.name}Early`);
}

function whole(row: RouteRow<string>, operationId: string): Route {
  const { args = {}, options, method, path, typed } = row;
  const isChange = method !== 'GET';
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => camelCase(name));
  const inInput = Object.entries(args).filter(([name]) => !inPath.includes(name));
  const shape = {
    ...Object.fromEntries(inInput),
    ...(typed && { creditType: z.string().optional().describe('The credit type; default credits.') }),
    ...(options && Object.fromEntries(Object.entries(options.shape).filter(isOnWire(isChange)))),
  };
  const isOptional = (field: unknown) => (row.self ? (field as z.ZodType).optional() : field);
  if ('userId' in shape) shape.userId = isOptional(shape.userId) as z.ZodType;
  return { ...row, args, operationId, inPath, isChange, input: z.strictObject(shape as z.ZodRawShape) };
}

function isOnWire(isChange: boolean): (field: readonly [string, unknown]) => boolean {
  return ([name, schema]) => {
    if (NEVER.includes(name) || schema === readShape.correlationId) return false;
    return !isChange || name !== 'actor';
  };
}

/** `user_id` → `userId`. */
function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
