/** The service uses the SDK that is registered in its process, and sends its last spans before it ends. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ask, startService } from './service-process.js';

test('spans of requests are sent before the service ends, and its log names their traces', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'credit-traces-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'spans.jsonl');
  const service = await startService({
    CREDIT_ALLOW_MEMORY: '1',
    NODE_OPTIONS: `--import ${new URL('traced-process.mjs', import.meta.url).href}`,
    TRACE_FILE: file,
  });
  await ask(service.url, 'POST', '/admin/credits/add', { user_id: 'u', amount: 5 });
  service.kill('SIGTERM');
  expect(await service.exit).toBe(0);
  const spans = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; traceId: string });
  expect(spans.map(({ name }) => name)).toEqual(['credits.commit', 'credits.add', 'POST /admin/credits/add']);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(service.log()).toContain(`"traceId":"${spans[0]?.traceId}"`);
});
