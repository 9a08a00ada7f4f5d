/** Suites in a real browser: `CREDIT_TEST_CHROMIUM`, else Debian's chromium. */
import { existsSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeAbsent } from './find.js';

const VARIABLE = 'CREDIT_TEST_CHROMIUM';

/** Registers a suite that needs a browser. Without one it is reported as skipped, with the reason. */
export function describeChromium(title: string, body: (browser: () => Browser) => void): void {
  const path = process.env[VARIABLE] || '/usr/bin/chromium';
  if (!existsSync(path)) {
    describeAbsent('chromium', title, `there is no ${path}, and ${VARIABLE} does not name another`);
    return;
  }
  describe(title, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      // Chromium refuses to run as root with its sandbox.
      const isRoot = process.getuid?.() === 0;
      // No name but that of this machine leads anywhere.
      const args = ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'];
      const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
      const { chromium } = await import('playwright-core');
      browser = await chromium.launch({ executablePath: path, chromiumSandbox: !isRoot, args, ...signals });
    });
    afterAll(() => browser?.close());
    body(() => browser as Browser);
  });
}
