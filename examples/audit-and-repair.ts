import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCredits } from 'credit-management/testing';

const filePath = join(mkdtempSync(join(tmpdir(), 'credits-')), 'ledger.jsonl');
const { credits, ledger, close } = createTestCredits({ now: '2030-01-01T00:00:00Z', ledger: { filePath } });
await credits.addCredits('ada', 100);
await credits.deductCredits('ada', 30);
await credits.deductCredits('ada', 5);
console.log('clean:', (await ledger.verify()).ok);

// Somebody makes the 30 a 3, and the line of the 5 vanishes.
const lines = readFileSync(filePath, 'utf8').replace('"amount":30000000', '"amount":3000000').trimEnd().split('\n');
writeFileSync(filePath, `${lines.slice(0, -1).join('\n')}\n`);

console.log((await ledger.verify()).problems);
console.log('reconcile adds', (await ledger.reconcile()).added, 'lines and changes none');
const left = await ledger.verify();
console.log('left:', left.problems[0]?.kind, 'of', left.problems[0]?.id);
const { lines: written } = await ledger.rebuildFile();
console.log('rebuildFile writes', written, 'lines; clean:', (await ledger.verify()).ok);
await close();
