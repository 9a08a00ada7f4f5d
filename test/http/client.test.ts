/** A client that others generate from our OpenAPI document: its types know the API, and its calls work. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import openapiTypes, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toNode } from '../../src/entries/http.js';
import { ROOT } from '../package/source-files.js';
import { isFull } from '../support/amounts.js';
import { type HttpWorld, httpWorld } from './world.js';

const CLIENT = `
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

const [baseUrl = '', token = ''] = process.argv.slice(2);
type Addition = paths['/admin/credits/add']['post']['requestBody']['content']['application/json'];
const client = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${token}\` } });
`;

const PROGRAM = `${CLIENT}
const user_id = 'a/b ä';
const header = { 'Idempotency-Key': 'order-7' };
const body = { user_id, amount: '12.5', expires_at: '2999-01-01T00:00:00Z', metadata: { order: 7 } };
const added = await client.POST('/admin/credits/add', { params: { header }, body });
const again = await client.POST('/admin/credits/add', { params: { header }, body });
const query = { limit: 1, types: ['add' as const] };
const history = await client.GET('/admin/credits/history/{user_id}', { params: { path: { user_id }, query } });
const refused = await client.POST('/admin/credits/deduct', { body: { user_id, amount: 1e6 } });
if (!added.data || !again.data || !history.data || !refused.error) throw new Error('an answer is missing');

const balance: number = added.data.credits;
const rows: components['schemas']['Transaction'][] = history.data.items;
const next: string | null = history.data.next_cursor;
const { code } = refused.error;
const isShort: boolean = code === 'INSUFFICIENT_CREDITS';
const replayed = again.response.headers.get('idempotency-replayed');
const same = again.data.transaction.id === added.data.transaction.id && rows[0]?.id === added.data.transaction.id;
console.log(JSON.stringify({ balance, same, next, replayed, isShort, status: refused.response.status }));
`;

/** Each is a mistake that the compiler finds, and nothing else of its line is wrong. */
const MISTAKES = [
  "export const more: Addition = { user_id: 'u', amount: 1, more: 1 };",
  "await client.POST('/admin/credits/add', { body: { userId: 'u', amount: 1 } });",
  "await client.POST('/admin/credits/add', { body: { user_id: 'u' } });",
  "await client.POST('/admin/credits/add', { body: { user_id: 'u', amount: true } });",
  "await client.POST('/admin/credits/add', { body: { user_id: 'u', amount: 1, source: 'gift' } });",
  "await client.POST('/admin/credits/add', { body: { user_id: 'u', amount: 1, expires_at: 5 } });",
  "await client.POST('/admin/credits/add');",
  "await client.GET('/admin/credits/add', {});",
  "await client.GET('/credits/balances/{user_id}', { params: { path: { user_id: 'u' } } });",
  "await client.GET('/credits/balance/{user_id}', { params: { path: {} } });",
  "await client.GET('/credits/history/{user_id}', { params: { path: { user_id: 'u' }, query: { limit: 'ten' } } });",
  "await client.GET('/credits/history/{user_id}', { params: { path: { user_id: 'u' }, query: { types: ['gift'] } } });",
  "(await client.GET('/credits/balance/{user_id}', { params: { path: { user_id: 'u' } } })).data?.credit;",
  "(await client.GET('/credits/balance/{user_id}', { params: { path: { user_id: 'u' } } })).data?.credits.length;",
  "(await client.GET('/health')).error?.code === 'NO_SUCH_CODE';",
];

let folder = '';
let world: HttpWorld;
let server: Server;

describe.runIf(isFull)('a client of the document (full runs)', () => {
  beforeAll(async () => {
    world = await httpWorld({ basePath: '/billing' });
    folder = mkdtempSync(join(tmpdir(), 'credit-client-'));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    // Not a declaration file: those of packages are not checked.
    writeFileSync(join(folder, 'api.ts'), astToString(await openapiTypes(world.api.openapi() as never)));
    server = createServer(toNode(world.api));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await world.manager.close();
    rmSync(folder, { recursive: true });
  });

  let compiled: readonly ts.Diagnostic[] | null = null;

  /** What the compiler says of a program beside the generated client: the line, and the text. */
  function problemsOf(name: string): string[] {
    compiled ??= compile();
    return compiled.flatMap(({ file, start = 0, messageText }) => {
      // A message without a file is about all of them.
      if (file && basename(file.fileName) !== name && basename(file.fileName) in programs()) return [];
      const line = file ? file.text.slice(file.text.lastIndexOf('\n', start) + 1).split('\n', 1)[0] : '';
      return `${line} // ${ts.flattenDiagnosticMessageText(messageText, ' ').slice(0, 200)}`;
    });
  }

  function programs(): Readonly<Record<string, string>> {
    return {
      'program.ts': PROGRAM,
      'examples.ts': `${CLIENT}\n${examples().join('\n')}`,
      'mistakes.ts': `${CLIENT}\n${MISTAKES.join('\n')}\n`,
    };
  }

  /** All programs at once: the compiler reads the document's types, which are most of the work, one time. */
  function compile(): readonly ts.Diagnostic[] {
    const paths = Object.entries(programs()).map(([name, text]) => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    });
    const program = ts.createProgram([...paths, join(folder, 'api.ts')], {
      ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, noEmit: true },
      ...{ target: ts.ScriptTarget.ES2023, types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: true },
    });
    return ts.getPreEmitDiagnostics(program);
  }

  /** The call of every route with the examples of the document. */
  function examples(): string[] {
    return Object.entries(world.api.openapi().paths as unknown as Paths).flatMap(([path, at]) =>
      Object.entries(at).map(([method, operation]) => callOf(method, path, operation)),
    );
  }

  test('a program that uses it right compiles, and its calls reach a real server', async () => {
    expect(problemsOf('program.ts')).toEqual([]);
    const { port } = server.address() as AddressInfo;
    const args = ['--import', 'tsx', 'program.ts', `http://127.0.0.1:${port}/billing`, 'admin'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
    expect(JSON.parse(stdout)).toEqual({
      ...{ balance: 12.5, same: true, next: null, replayed: 'true' },
      ...{ isShort: true, status: 402 },
    });
  });

  test('the example of every route compiles', () => {
    expect(examples().length).toBeGreaterThan(80);
    expect(problemsOf('examples.ts')).toEqual([]);
  });

  test('a mistake does not compile', () => {
    const problems = problemsOf('mistakes.ts');
    const lines = [...new Set(problems.map((text) => text.split(' // ')[0]))];
    expect(lines).toEqual(MISTAKES);
  });
});

type Content = { readonly content: { readonly 'application/json': { readonly example: unknown } } };
interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly example?: unknown }[];
  readonly requestBody?: Content;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

/** The call of an operation with the examples of the document. */
function callOf(method: string, path: string, { parameters, requestBody }: Operation): string {
  const given = parameters.filter(({ example }) => example !== undefined);
  const at = (place: string) =>
    Object.fromEntries(given.filter((one) => one.in === place).map(({ name, example }) => [name, example]));
  const body = requestBody && { body: requestBody.content['application/json'].example };
  const places = ['path', 'query'].filter((place) => given.some((one) => one.in === place));
  const params = Object.fromEntries(places.map((place) => [place, at(place)]));
  return `await client.${method.toUpperCase()}('${path}', ${JSON.stringify({ params, ...body })});`;
}
