/** Credits that a period left over, and that the next one grants again, are known by the end of their reference. */
export const ROLLOVER = '/rollover';

export function isRollover(reference: string | null): boolean {
  return reference?.endsWith(ROLLOVER) ?? false;
}
