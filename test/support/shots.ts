/** The faults of a walk: which calls fail, how, and when what is late lands. */
import type { Fate, Fault, Landing } from '../backends/faulty-db.js';
import type { Injection } from './walk.js';

export type Shot = Pick<Injection, 'fault' | 'landing'>;

/** All ways in which the n-th call alone can fail. Reads that fail are the same in every way. */
export function oneShots(call: number, method: string): readonly Shot[] {
  const at = (fate: Fate, landing: Landing, plain = false): Fault => ({
    fateOf: (n) => (n === call ? fate : null),
    landing,
    plain,
  });
  const refused = { fault: at('refused', 'at_the_end', call % 2 === 0), landing: 'before_retry' } as const;
  if (method.startsWith('init')) return [refused, { ...refused, fault: at('lost', 'at_the_end') }];
  if (!method.startsWith('commit') && method !== 'transaction') return [refused];
  const landings: Landing[] = ['after_account_read', 'after_entry_read', 'before_next_commit', 'after_next_commit'];
  return [
    refused,
    { fault: at('lost', 'at_the_end'), landing: 'before_retry' },
    ...landings.map((landing) => ({ fault: at('late', landing), landing: 'before_retry' }) as const),
    { fault: at('late', 'at_the_end'), landing: 'after_retry' },
  ];
}

/** Every call from the n-th on fails. */
export function persistent(call: number): readonly Shot[] {
  const from = (fate: Fate): Fault => ({
    fateOf: (n) => (n >= call ? fate : null),
    landing: 'at_the_end',
    plain: call % 2 === 1,
  });
  return [
    { fault: from('refused'), landing: 'before_retry' },
    { fault: from('lost'), landing: 'before_retry' },
    { fault: from('late'), landing: 'before_retry' },
    { fault: from('late'), landing: 'after_retry' },
  ];
}

/** A commit gets no answer, and one of the calls after it fails too. */
export function pairs(call: number, method: string): readonly Shot[] {
  if (method !== 'commit') return [];
  const shots: Shot[] = [];
  for (let second = call + 1; second <= call + 5; second++) {
    const plain = second % 2 === 0;
    const landing = second % 3 === 0 ? 'after_retry' : 'before_retry';
    for (const [fate, lands] of [
      ['lost', 'at_the_end'],
      ['late', 'at_the_end'],
      ['late', 'before_next_commit'],
    ] as const) {
      const fateOf = (n: number) => (n === call ? fate : n === second ? 'refused' : null);
      shots.push({ fault: { fateOf, landing: lands, plain }, landing });
    }
  }
  return shots;
}
