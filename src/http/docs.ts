/** A page for people that shows the OpenAPI document of an API: one file of HTML, without a script. */
import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../models/values.js';
import type { Api } from './contract.js';

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
details { border: 1px solid #8884; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: #8882; border-radius: 6px; overflow: auto; padding: .6rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #8884; padding: .2rem .6rem .2rem 0; text-align: left; vertical-align: top; }
`;
/** Nothing but this one style: no script, no frame, no form, nothing from elsewhere. */
const CSP = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
].join('; ');
const HEADERS = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };

/**
 * Serves a page that shows what an API takes and answers, with its examples; with `?openapi` the document itself. The
 * page is one file without a script, and its policy lets nothing else in. It shows routes and no data, so whether it is
 * public is up to you. Mount it as an API: `app.use('/docs', toNode(createDocs(api)))`.
 *
 * @example app.use('/billing/docs', toNode(createDocs(api))); // above app.use('/billing', toNode(api))
 */
export function createDocs(api: Api): Api {
  let page: string | null = null;
  return {
    openapi: () => api.openapi(),
    async fetch(request) {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        return new Response(null, { status: 405, headers: { ...HEADERS, allow: 'GET' } });
      }
      const isDocument = new URL(request.url).searchParams.has('openapi');
      page ??= pageOf(api.openapi());
      const body = isDocument ? JSON.stringify(api.openapi()) : page;
      const type = isDocument ? 'application/json; charset=utf-8' : 'text/html; charset=utf-8';
      const headers = { ...HEADERS, 'content-type': type, 'content-security-policy': CSP };
      return new Response(request.method === 'HEAD' ? null : body, { headers });
    },
  };
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly is: JsonObject;
}

function pageOf(document: JsonObject): string {
  const { title, description } = document.info as { title: string; description: string };
  const operations = Object.entries(document.paths as JsonObject).flatMap(([path, at]) =>
    Object.entries(at as JsonObject).map(([method, is]): Operation => ({ method, path, is: is as JsonObject })),
  );
  const sections = (document.tags as readonly { name: string }[]).map(({ name }) => {
    const own = operations.filter(({ is }) => (is.tags as readonly string[])[0] === name);
    return `<h2>${escaped(name)}</h2>${own.map((one) => operationHtml(one, serverOf(document))).join('')}`;
  });
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body><h1>${escaped(title)}</h1>
<p>${escaped(description)} <a href="?openapi">OpenAPI 3.1</a></p>${sections.join('')}</body></html>`;
}

function serverOf({ servers }: JsonObject): string {
  const [first] = servers as readonly { url: string }[];
  return first?.url === '/' ? '' : (first?.url ?? '');
}

function operationHtml({ method, path, is }: Operation, server: string): string {
  const parameters = (is.parameters as readonly JsonObject[]).map((one) => {
    const needed = one.required ? 'needed' : '';
    return row(code(String(one.name)), escaped(String(one.in)), needed, escaped(String(one.description ?? '')));
  });
  const responses = Object.entries(is.responses as JsonObject).map(([status, answer]) =>
    row(code(status), escaped(String((answer as JsonObject).description))),
  );
  const body = exampleOf(is.requestBody);
  const answer = exampleOf((is.responses as JsonObject)['200']);
  return `<details id="${escaped(String(is.operationId))}"><summary>${code(`${method.toUpperCase()} ${path}`)}
${escaped(String(is.summary))}</summary><table>${parameters.join('')}</table>
${body === undefined ? '' : `<h4>Request</h4>${block(body)}`}<h4>As a command</h4>
<pre>${escaped(curlOf({ method, path, is }, server, body))}</pre>
${answer === undefined ? '' : `<h4>Answer</h4>${block(answer)}`}<table>${responses.join('')}</table></details>`;
}

function curlOf({ method, path, is }: Operation, server: string, body: Json | undefined): string {
  const given = is.parameters as readonly JsonObject[];
  const at = given.reduce(
    (url, { name, example }) => url.replace(`{${name}}`, encodeURIComponent(String(example))),
    path,
  );
  const needed = given.filter((one) => one.in === 'query' && one.required === true);
  const query = new URLSearchParams(
    needed.map(({ name, example }): [string, string] => [String(name), String(example)]),
  ).toString();
  const lines = [
    `curl -X ${method.toUpperCase()} "$HOST${server}${at}${query && `?${query}`}"`,
    '-H "Authorization: Bearer $TOKEN"',
  ];
  if (body === undefined) return lines.join(' \\\n  ');
  const data = `-d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`;
  return [...lines, '-H "Content-Type: application/json"', data].join(' \\\n  ');
}

function exampleOf(part: Json | undefined): Json | undefined {
  const { content } = (part ?? {}) as { content?: { 'application/json': { example: Json } } };
  return content?.['application/json'].example;
}

function row(...cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function block(value: Json): string {
  return `<pre>${escaped(JSON.stringify(value, null, 2))}</pre>`;
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
