/** The plain provider, which also charges customers: once for a reference, and as a test says. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MinorMoney, ProviderEvent } from '../../src/index.js';
import { eventOf, type PlainProvider, plainProvider } from './plain-provider.js';

/**
 * `paid`, `declined`: it answers so. `later`: the answer comes by a webhook. `lost`: it charges, and its answer is
 * lost. `away`: it does nothing.
 */
export type ChargeAnswer = 'paid' | 'declined' | 'later' | 'lost' | 'away';

interface Charge extends MinorMoney {
  readonly customerId: string;
  readonly event: ProviderEvent;
}

export interface ChargingProvider extends PlainProvider {
  readonly charge: NonNullable<PlainProvider['charge']>;
  /** Charges by their reference: money that moved, or that was refused. */
  readonly charges: Map<string, Charge>;
  /** The answers of the next charges; after them `usual`. */
  readonly next: ChargeAnswer[];
  usual: ChargeAnswer;
  /** Requests so far. */
  asked: number;
  /** Whether it tells of charges when it is asked how a payment stands. */
  tells: boolean;
  /** Waits before each answer. */
  waits: () => Promise<void>;
}

/** @param folder gets a file for each charge, named by its reference: processes that share it share the provider */
export function chargingProvider(folder?: string): ChargingProvider {
  const traffic = { request: {}, response: {}, httpStatus: 200 };
  const provider: ChargingProvider = Object.assign(plainProvider(), {
    ...{
      charges: new Map<string, Charge>(),
      next: [],
      usual: 'paid' as ChargeAnswer,
      asked: 0,
      tells: true,
      waits: async () => {},
    },
    fetchPayment: async ({ reference }: { readonly reference: string }) => {
      const event = provider.tells ? provider.charges.get(reference)?.event : undefined;
      return event ? [event] : (provider.told.get(reference) ?? []);
    },
    charge: async (request: Parameters<ChargingProvider['charge']>[0]) => {
      const { reference, userId, customerId, amountMinor, currency } = request;
      provider.asked++;
      const asked = { amountMinor, currency };
      const own = { reference, userId, asked, providerPaymentId: `ch_${reference.slice(4)}`, method: 'card' };
      const paid = eventOf({ ...own, kind: 'paid', paid: asked });
      const known = provider.charges.get(reference);
      if (known) return { event: known.event, traffic };
      if (folder !== undefined && !isFirst(join(folder, reference))) return { event: paid, traffic };
      const answer = provider.next.shift() ?? provider.usual;
      if (answer === 'away') throw new Error('away');
      const declined = eventOf({ ...own, kind: 'failed', reason: 'card_declined' });
      const event = answer === 'declined' ? declined : paid;
      provider.charges.set(reference, { customerId, ...asked, event });
      await provider.waits();
      if (answer === 'lost') throw new Error('lost');
      return { event: answer === 'later' ? eventOf({ ...own, kind: 'authorized' }) : event, traffic };
    },
  });
  return provider;
}

/** Whether nobody has charged it before; the file names the process that did. */
function isFirst(path: string): boolean {
  if (existsSync(path)) return false;
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}
