/** The page for people in a real browser, which enforces its policy. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDocs } from '../../src/entries/docs.js';
import { type Api, toNode } from '../../src/entries/http.js';
import { describeChromium } from '../backends/chromium.js';
import { type HttpWorld, httpWorld, ROUTES } from './world.js';

/** What a browser did with a page. */
interface Seen {
  readonly page: Page;
  /** Every URL that the page asked for. */
  readonly asked: string[];
  /** Errors of the console, and of scripts. */
  readonly errors: string[];
  /** What the policy of the page forbade. */
  violations(): Promise<string[]>;
}

describeChromium('in a browser', (browser) => {
  let world: HttpWorld;
  let root = '';
  const servers: Server[] = [];
  beforeAll(async () => {
    world = await httpWorld({ basePath: '/billing' });
    root = await listen(createDocs(world.api));
  });
  afterAll(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    await world.manager.close();
  });

  async function listen(docs: Api): Promise<string> {
    const server = createServer(toNode(docs));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function open(url: string): Promise<Seen> {
    const page = await browser().newPage();
    const [asked, errors]: [string[], string[]] = [[], []];
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(error.message));
    await page.addInitScript(`
      globalThis.violations = [];
      document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
    `);
    await page.goto(url, { waitUntil: 'networkidle' });
    return { page, asked, errors, violations: () => page.evaluate('violations') };
  }

  test('shows every route, styled, and asks nobody for anything', async () => {
    const { page, asked, errors, violations } = await open(`${root}/docs`);
    const titles = await page.locator('details > summary > code').allInnerTexts();
    expect(titles.sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).sort());
    // The style of the page is in force, or this would be "none".
    expect(await page.evaluate('getComputedStyle(document.body).maxWidth')).toBe('960px');
    const add = page.locator('details#addCredits');
    expect(await add.locator('pre').first().isVisible()).toBe(false);
    await add.locator('summary').click();
    expect(await add.locator('pre').first().innerText()).toContain('Welcome bonus');
    expect(await add.locator('pre').first().isVisible()).toBe(true);
    expect(asked).toEqual([`${root}/docs`]);
    expect([errors, await violations()]).toEqual([[], []]);
    await page.close();
  });

  test('leads to the document', async () => {
    const { page, asked, errors } = await open(`${root}/docs`);
    await page.getByRole('link', { name: 'OpenAPI 3.1' }).click();
    await page.waitForURL(`${root}/docs?openapi`);
    const document = JSON.parse(await page.locator('pre').first().innerText());
    expect(document).toEqual(world.api.openapi());
    expect(asked).toEqual([`${root}/docs`, `${root}/docs?openapi`]);
    expect(errors).toEqual([]);
    await page.close();
  });

  test('what somebody got into the page neither runs nor asks anybody', async () => {
    const docs = createDocs(world.api);
    const reached: string[] = [];
    const attack = `<script>globalThis.isHit = true</script><img src="x" onerror="globalThis.isHit = true">
      <img src="${root}/pixel"><style>body { max-width: 1px }</style><iframe src="${root}/docs"></iframe>
      <form action="${root}/docs"></form>`;
    const spoiled = await listen({
      ...docs,
      async fetch(request) {
        reached.push(new URL(request.url).pathname);
        const answer = await docs.fetch(request);
        return new Response((await answer.text()).replace('<h1>', `${attack}<h1>`), { headers: answer.headers });
      },
    });
    const { page, errors, violations } = await open(`${spoiled}/docs`);
    await page.evaluate('document.forms[0].requestSubmit()');
    const isHit = 'globalThis.isHit === true || getComputedStyle(document.body).maxWidth !== "960px"';
    expect(await page.evaluate(isHit)).toBe(false);
    const scripts = ['script-src-attr', 'script-src-elem'];
    const forbidden = async () => [...new Set(await violations())].sort();
    await expect.poll(forbidden).toEqual(['form-action', 'frame-src', 'img-src', ...scripts, 'style-src-elem']);
    expect(errors.length).toBeGreaterThan(4);
    expect(page.url()).toBe(`${spoiled}/docs`);
    expect(reached).toEqual(['/docs']);
    await page.close();
  });
});
