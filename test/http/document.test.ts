/** The OpenAPI document is true: each example is sent, and each answer is what the document says it is. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { openApiOf } from '../../src/http/openapi.js';
import type { Route } from '../../src/http/route.js';
import { httpWorld, ROUTES } from './world.js';

// biome-ignore lint/suspicious/noExplicitAny: a JSON document, read by its paths
type Document = any;
const document: Document = openApiOf(ROUTES, '/billing');

const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addFormat('date-time', /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/);
ajv.addFormat('date', /^\d{4}-\d{2}-\d{2}$/);
ajv.addSchema({ $id: 'document', ...document });

/** What a value lacks to be what the schema at a place of the document says. */
function problemsOf(schema: object, value: unknown): unknown {
  const text = JSON.stringify(schema).replaceAll('"#/components', '"document#/components');
  const validate = ajv.compile(JSON.parse(text));
  return validate(value) ? [] : validate.errors;
}

const operationOf = ({ path, method }: Route): Document => document.paths[path][method.toLowerCase()];
const contentOf = (part: Document): Document => part.content['application/json'];
const named = ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const);

test('every route has an operation, and no two have the same name', () => {
  const operations = Object.values(document.paths).flatMap((at) => Object.values(at as object)) as Document[];
  expect(operations.length).toBe(ROUTES.length);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
  expect(document.openapi).toBe('3.1.0');
  expect(document.servers).toEqual([{ url: '/billing' }]);
});

test('the document is plain JSON and refers to nothing that it does not have', () => {
  expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  const refs = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  expect(refs.length).toBeGreaterThan(100);
  expect([...new Set(refs)].filter((name) => !(`${name}` in document.components.schemas))).toEqual([]);
});

describe.each(named)('%s', (_, route) => {
  const operation = operationOf(route);

  test('has a tag, a summary, examples, and its errors', () => {
    expect(operation.tags).toHaveLength(1);
    expect(operation.summary.length).toBeGreaterThan(8);
    const answers: Document[] = Object.values(operation.responses);
    for (const answer of answers) {
      const { schema, example } = contentOf(answer);
      expect(problemsOf(schema, example)).toEqual([]);
    }
    const statuses = Object.keys(operation.responses);
    expect(statuses).toEqual(expect.arrayContaining(['200', '500', '503', '504']));
    if (route.who !== 'anyone') expect(statuses).toEqual(expect.arrayContaining(['400', '401', '404', '413', '429']));
    expect(statuses.includes('403')).toBe(route.who === 'admin');
    for (const { name, required, in: at, example } of operation.parameters) {
      if (required || at === 'path') expect([name, example]).not.toEqual([name, undefined]);
    }
  });

  test('takes its example, which fits the schema of the request', async () => {
    if (operation.requestBody) {
      const { schema, example } = contentOf(operation.requestBody);
      expect(problemsOf(schema, example)).toEqual([]);
    }
    for (const { schema, example } of operation.parameters) {
      if (example !== undefined) expect(problemsOf(schema, example)).toEqual([]);
    }
    const world = await httpWorld();
    const answer = await world.example(route.who === 'admin' ? 'admin' : 'user', route);
    expect(answer).toMatchObject({ status: 200 });
    expect(problemsOf(contentOf(operation.responses['200']).schema, answer.body)).toEqual([]);
    await world.manager.close();
  });
});

test('an answer that the document does not describe is found', () => {
  const { schema } = contentOf(document.paths['/credits/balance/{user_id}'].get.responses['200']);
  const fine = contentOf(document.paths['/credits/balance/{user_id}'].get.responses['200']).example;
  expect(problemsOf(schema, fine)).toEqual([]);
  expect(problemsOf(schema, { ...fine, more: 1 })).not.toEqual([]);
  expect(problemsOf(schema, { ...fine, credits: '1' })).not.toEqual([]);
});
