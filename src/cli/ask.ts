/** Asks the person at the terminal whether a change is to be made. */
import { createInterface } from 'node:readline/promises';

interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

/** Answers whether the line typed was `y` or `yes`. Control-C, control-D and the signal stand for no. */
export async function askOn({ input, output, signal }: Terminal, question: string): Promise<boolean> {
  const lines = createInterface({ input, output });
  const left = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  lines.once('SIGINT', () => lines.close());
  try {
    const typed = lines.question(`${question} Do it? [y/N] `, { signal }).catch(() => '');
    return /^y(es)?$/i.test((await Promise.race([typed, left])).trim());
  } finally {
    lines.close();
  }
}
