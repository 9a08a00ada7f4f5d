/** The circuit breaker: pauses after failures, opens after several, and lets one call through to see. */
import { expect, test } from 'vitest';
import { CircuitBreaker } from '../../src/circuit-breaker.js';

function breaker() {
  let now = 0;
  const made = new CircuitBreaker({ failureThreshold: 3, windowMs: 30_000, openMs: 60_000 }, () => now);
  const pass = (ms: number) => {
    now += ms;
  };
  /** A call that fails; null where none was made. */
  const fail = () => (made.admits() ? made.failed() : 'refused');
  return { made, pass, fail };
}

test('a failure is followed by a pause of a second, and then by one call', () => {
  const { made, pass, fail } = breaker();
  expect(fail()).toBe('failing');
  expect([made.isClosed, made.admits()]).toEqual([false, false]);
  pass(999);
  expect(made.admits()).toBe(false);
  pass(1);
  expect([made.isClosed, made.admits(), made.admits()]).toEqual([true, true, false]);
  expect(made.succeeded()).toBe(true);
  expect([made.admits(), made.admits()]).toEqual([true, true]);
  expect(made.succeeded()).toBe(false);
});

test('failures of calls that were under way together are one', () => {
  const { made, pass } = breaker();
  for (let i = 0; i < 9; i++) expect(made.admits()).toBe(true);
  expect(made.failed()).toBe('failing');
  for (let i = 0; i < 8; i++) expect(made.failed()).toBe(null);
  pass(1_000);
  expect(made.isClosed).toBe(true);
});

test('several within the window open it, and a probe that fails opens it again', () => {
  const { made, pass, fail } = breaker();
  expect(fail()).toBe('failing');
  pass(1_000);
  expect(fail()).toBe(null);
  pass(1_000);
  expect(fail()).toBe('open');
  pass(59_999);
  expect([made.isClosed, fail()]).toEqual([false, 'refused']);
  pass(1);
  expect([made.admits(), made.admits()]).toEqual([true, false]);
  expect(made.failed()).toBe('open');
  pass(60_000);
  expect(made.admits()).toBe(true);
  expect(made.succeeded()).toBe(true);
  expect(made.admits()).toBe(true);
});

test('failures further apart than the window do not open it', () => {
  const { pass, fail } = breaker();
  for (let i = 0; i < 9; i++) {
    expect(fail()).toBe(i === 0 ? 'failing' : null);
    pass(15_001);
  }
});

test('a call that was under way when the pause began and succeeds late closes nothing', () => {
  const { made, pass, fail } = breaker();
  expect([made.admits(), made.admits()]).toEqual([true, true]);
  expect(made.failed()).toBe('failing');
  expect(made.succeeded()).toBe(false);
  pass(1_000);
  expect([made.admits(), made.admits()]).toEqual([true, false]);
  expect(made.failed()).toBe(null);
  pass(1_000);
  expect(fail()).toBe('open');
});

test('failures from before it was closed again do not count', () => {
  let now = 0;
  const made = new CircuitBreaker({ failureThreshold: 2, windowMs: 600_000, openMs: 1_000 }, () => now);
  const fail = () => (made.admits() ? made.failed() : 'refused');
  expect(fail()).toBe('failing');
  now += 1_000;
  expect(fail()).toBe('open');
  now += 1_000;
  expect([made.admits(), made.succeeded()]).toEqual([true, true]);
  expect(fail()).toBe('failing');
  now += 1_000;
  expect([made.admits(), made.succeeded()]).toEqual([true, true]);
  expect(fail()).toBe('open');
});
