/** Time on machines of any speed: durations that grow with a slow one, and a clock that stands still on a busy one. */
import { createHash } from 'node:crypto';

/** Milliseconds that the measured work takes where the durations of the tests were chosen. */
const REFERENCE_MS = 20;
const ROUNDS = 5;
const HASHES = 12_000;
const MOST = 8;

/** How many times slower this machine is now than that one; at least 1. The run measures it once, at its start. */
export async function measurePace(): Promise<number> {
  let slowest = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    let text = '';
    for (let i = 0; i < HASHES; i++) text = createHash('sha256').update(text).digest('hex');
    await new Promise((resolve) => setImmediate(resolve));
    slowest = Math.max(slowest, performance.now() - began);
  }
  return Math.min(MOST, Math.max(1, slowest / REFERENCE_MS));
}

/** As globalSetup measured it; processes that tests start inherit it. */
const PACE = Number(process.env.CREDIT_TEST_PACE || 1);

/** A duration that is under test, such as a deadline that calls must meet where nothing hinders them. */
export const paced = (ms: number) => Math.ceil(ms * PACE);

/** The deadline of calls that none but a hang may keep from their answer, however busy the machine is. */
export const PATIENT_MS = 120_000;

const TICK_MS = 5;
let counted = 0;
let last = performance.now();
setInterval(() => {
  counted += Math.min(performance.now() - last, 2 * TICK_MS);
  last = performance.now();
}, TICK_MS).unref();

/**
 * Milliseconds for which timers of this process could run. Where others take the machine it stands still, as the
 * library's own timers do: a deadline is judged by it, and no wait for a processor counts.
 */
export const ownNow = () => counted;
