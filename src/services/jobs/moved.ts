/** The credits that an operation of a job moved, by kind. */
import { isRollover } from '../../core/rollover.js';
import type { Answer } from '../pipeline/operation.js';

/** Units: granted for periods, taken over from the period before, become effective, expired, and freed by holds. */
export interface Moved {
  readonly granted: number;
  readonly rolledOver: number;
  readonly activated: number;
  readonly expired: number;
  readonly freed: number;
}

export const NOTHING_MOVED: Moved = { granted: 0, rolledOver: 0, activated: 0, expired: 0, freed: 0 };

export function movedBy({ changes }: Answer): Moved {
  const moved = { ...NOTHING_MOVED };
  for (const { entries } of changes) {
    for (const { row } of entries) {
      const { type, amount, details } = row;
      if (type === 'activate') moved.activated += amount;
      else if (type === 'expire') moved.expired += amount;
      else if (type === 'expire_reserved') moved.freed += amount;
      else if (type === 'add') {
        const { reference } = details.grant as { reference: string | null };
        moved[isRollover(reference) ? 'rolledOver' : 'granted'] += amount;
      }
    }
  }
  return moved;
}

export function sumOf(a: Moved, b: Moved): Moved {
  return {
    granted: a.granted + b.granted,
    rolledOver: a.rolledOver + b.rolledOver,
    activated: a.activated + b.activated,
    expired: a.expired + b.expired,
    freed: a.freed + b.freed,
  };
}
