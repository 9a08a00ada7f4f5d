/** The page for people shows every route, and its policy lets nothing else in. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createDocs } from '../../src/entries/docs.js';
import { toNode } from '../../src/entries/http.js';
import { httpWorld, ROUTES } from './world.js';

async function pageOf(basePath?: string) {
  const { api } = await httpWorld({ basePath });
  const docs = createDocs(api);
  const get = (path: string, init = {}) => docs.fetch(new Request(`http://localhost${path}`, init));
  return { api, docs, get };
}

test('shows every route with its examples', async () => {
  const { get } = await pageOf('/billing');
  const response = await get('/docs');
  const html = await response.text();
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  for (const { method, path } of ROUTES) expect(html).toContain(`<code>${method} ${path}</code>`);
  expect(html).toContain('curl -X POST &#34;$HOST/billing/admin/credits/add&#34;');
  expect(html).toContain('Welcome bonus');
});

test('its commands have everything that their routes need', async () => {
  const { get } = await pageOf();
  const html = await (await get('/docs')).text();
  expect(html).toContain('$HOST/credits/expiring/user-1?days=');
  const { api } = await httpWorld();
  const urls = [...html.matchAll(/curl -X GET &#34;\$HOST(\/credits\/[^&]*(?:&#38;[^&]*)*)&#34;/g)].map(
    ([, url]) => url ?? '',
  );
  expect(urls.length).toBeGreaterThan(15);
  for (const url of urls) {
    const path = url.replaceAll('&#38;', '&');
    const headers = { authorization: 'Bearer user' };
    const { status } = await api.fetch(new Request(`http://localhost${path}`, { headers }));
    expect([path, [200, 404].includes(status)]).toEqual([path, true]);
  }
});

test('its policy allows the one style of it, and there is nothing else', async () => {
  const { get } = await pageOf();
  const response = await get('/docs');
  const html = await response.text();
  const policy = response.headers.get('content-security-policy') ?? '';
  const [, style = ''] = /<style>(.*?)<\/style>/s.exec(html) ?? [];
  expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  expect(html.match(/<style/g)).toHaveLength(1);
  expect(html).not.toMatch(/<(script|link|img|iframe|form)|\son\w+=|style=|https?:\/\//i);
});

test('what a document says is shown as text', async () => {
  const { api } = await pageOf();
  const document = JSON.parse(JSON.stringify(api.openapi()).replaceAll('Add credits', '<script>alert(1)</script>'));
  const html = await (await createDocs({ ...api, openapi: () => document }).fetch(new Request('http://x/'))).text();
  expect(html).toContain('&#60;script&#62;alert(1)');
  expect(html).not.toContain('<script');
});

test('answers the document itself, and nothing but GET', async () => {
  const { api, get } = await pageOf();
  expect(await (await get('/docs?openapi')).json()).toEqual(api.openapi());
  expect((await get('/docs', { method: 'POST' })).status).toBe(405);
  expect(await (await get('/docs', { method: 'HEAD' })).text()).toBe('');
});

test('is mounted as an API is', async () => {
  const { docs } = await pageOf();
  const server = createServer(toNode(docs));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/docs`);
  expect(await response.text()).toContain('<h1>Credits</h1>');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
