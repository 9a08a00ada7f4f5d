/** A process that closes is kept by no call, however late the call came and however long it may take. */
import { expect, test } from 'vitest';
import { callInfo } from '../../src/services/pipeline/call-info.js';
import { Deadlines } from '../../src/services/pipeline/deadlines.js';
import { Failed, newOperation, type Request, type Settled } from '../../src/services/pipeline/operation.js';
import { monotonicNow } from '../../src/timers.js';

test('a call that comes after the end was set ends by it, too', async () => {
  const deadlines = new Deadlines(() => {});
  const end = monotonicNow() + 10;
  deadlines.endBy(end);
  let settle: (settled: Settled) => void = () => {};
  const settled = new Promise<Settled>((resolve) => {
    settle = resolve;
  });
  const request: Request = {
    ...{ accounts: [], documents: [], call: callInfo('expire', 'c', {}, null), resumes: false, receipt: null },
    ...{ signal: undefined, timeoutMs: 60_000, trace: null },
    command: { type: 'expire', asOf: null },
  };
  const operation = newOperation(request, settle);
  deadlines.add(operation);
  expect(operation.deadline).toBe(end);
  expect(await settled).toBeInstanceOf(Failed);
  expect(deadlines.size).toBe(0);
});
