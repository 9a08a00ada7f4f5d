/** Builds a credit service: the verbs of one credit type on the shared engine. */
import { type DecisionSettings, readingContext } from '../pipeline/context.js';
import type { Engine } from '../pipeline/engine.js';
import { Access, type AccessParts } from './access.js';
import { accountInfo } from './account-info.js';
import { accountList, accounts } from './accounts.js';
import { AccountsNow } from './accounts-now.js';
import type { BalanceCache } from './balance-cache.js';
import { balances } from './balances.js';
import type { CreditService } from './contract.js';
import { explanations } from './explanations.js';
import { grants } from './grants.js';
import { history } from './history.js';
import { HoldDirectory } from './hold-directory.js';
import { creditMetering } from './meter.js';
import { reservationReads, reservations } from './reservations.js';
import { spending } from './spending.js';
import { transactionPages } from './transaction-pages.js';
import { usage } from './usage.js';
import { Verbs } from './verbs.js';

export interface CreditServiceParts<S> {
  readonly engine: Engine<S>;
  readonly creditType: string;
  readonly settings: () => DecisionSettings;
  readonly cache: BalanceCache | null;
}

export function buildCreditService<S>({
  engine,
  creditType,
  settings,
  cache,
}: CreditServiceParts<S>): CreditService<S> {
  const verbs = new Verbs(engine, creditType);
  const holds = new HoldDirectory(engine, creditType);
  const context = () => readingContext(settings(), creditType);
  const accountsNow = new AccountsNow({ engine, creditType, context, cache });
  const mutations = { ...spending(verbs), ...reservations(verbs, holds), ...accounts(verbs) };
  const reads = reservationReads(verbs, holds, accountsNow);
  return {
    ...mutations,
    ...balances(verbs, accountsNow),
    ...accountInfo(verbs, accountsNow),
    ...grants(verbs, accountsNow),
    ...history(verbs),
    ...transactionPages(verbs, accountsNow),
    ...explanations(verbs, accountsNow),
    ...usage(verbs, accountsNow),
    ...reads,
    ...accountList(verbs, accountsNow),
    ...creditMetering(verbs, { ...mutations, ...reads }),
  };
}

/** The access status of accounts of the credit type `credits`. */
export function buildAccess<S>({
  engine,
  settings,
  cache,
  ...parts
}: Omit<CreditServiceParts<S>, 'creditType'> & Omit<AccessParts<S>, 'accounts' | 'scale' | 'now'>): Access<S> {
  const creditType = 'credits';
  const context = () => readingContext(settings(), creditType);
  const accounts = new AccountsNow({ engine, creditType, context, cache });
  return new Access({ ...parts, accounts, scale: engine.scale, now: () => engine.nowForReports() });
}
