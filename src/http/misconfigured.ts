/** The error for a program that is set up wrongly. */
import { creditError } from '../errors.js';

export function misconfigured(problem: string, cause?: unknown) {
  return creditError('CONFIGURATION', `${problem}.`, { problems: [problem] }, { cause });
}
