/** Rejections of promises that nobody waits for: in a host's process each of them is the end. */

/** Runs `work` and answers the reasons of the rejections that nobody had handled by its end. */
export async function unhandledOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  const reasons: string[] = [];
  const hear = (reason: unknown) => reasons.push(String(reason));
  process.on('unhandledRejection', hear);
  try {
    await work();
    // Node tells of a rejection when the turn is over in which nobody handled it.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', hear);
  }
  return reasons;
}
