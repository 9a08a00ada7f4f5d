/** Waiting for what happens by itself, and for what a test lets happen. */

// As it is now: tests put fake timers in its place.
const { setTimeout } = globalThis;

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** After so many milliseconds of sleep a test gives up. Runs with a planted bug give up sooner than their time-out. */
const HANG_MS = Number(process.env.CREDIT_HANG_MS ?? 300_000);
const LOOK_MS = 5;

/** Waits until something that happens by itself has happened. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let slept = 0; !(await holds()); slept += LOOK_MS) {
    if (slept > HANG_MS) throw new Error(`It never happened: ${what}`);
    await sleep(LOOK_MS);
  }
}

/** Tries again until it passes. */
export async function eventually(check: () => Promise<void>): Promise<void> {
  let failed: unknown;
  const passes = () =>
    check().then(
      () => true,
      (error: unknown) => {
        failed = error;
        return false;
      },
    );
  await until(passes, 'the check passes').catch(() => Promise.reject(failed));
}

/** Something that happens once, told and awaited from either side. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
