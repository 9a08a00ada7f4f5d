/** Open grants in memory: copies of them, which every debit makes, and the form in which their account stores them. */
import type { EarlierGrant, GrantFacts, GrantNumbers, OpenGrant, StoredGrant } from '../models/account.js';
import type { Mutable } from '../models/values.js';

/** A grant that remembers the text of its facts, and whether it has fields that only a later version knows. */
class Kept implements OpenGrant {
  #facts: string | null;
  readonly #isNewer: boolean;
  declare id: string;
  declare source: OpenGrant['source'];
  declare amount: number;
  declare remaining: number;
  declare held: number;
  declare expired: number;
  declare revoked: number;
  declare priority: number;
  declare effectiveAt: number;
  declare expiresAt: number | null;
  declare seq: number;
  declare place: number;
  declare createdAt: number;
  declare planId: string | null;
  declare reference: string | null;
  declare rowVersion: number;
  declare paymentId?: string;
  declare expiredLate?: number;

  /** It lists the fields, because spreading a frozen object costs ten times as much. */
  constructor(grant: OpenGrant, facts: string | null, isNewer: boolean) {
    this.#facts = facts;
    this.#isNewer = isNewer;
    this.id = grant.id;
    this.source = grant.source;
    this.amount = grant.amount;
    this.remaining = grant.remaining;
    this.held = grant.held;
    this.expired = grant.expired;
    this.revoked = grant.revoked;
    this.priority = grant.priority;
    this.effectiveAt = grant.effectiveAt;
    this.expiresAt = grant.expiresAt;
    this.seq = grant.seq;
    this.place = grant.place;
    this.createdAt = grant.createdAt;
    this.planId = grant.planId;
    this.reference = grant.reference;
    this.rowVersion = grant.rowVersion;
    if (grant.paymentId !== undefined) this.paymentId = grant.paymentId;
    if (grant.expiredLate !== undefined) this.expiredLate = grant.expiredLate;
    if (isNewer) Object.assign(this, grant);
  }

  static isNewer(grant: object): boolean {
    return #isNewer in grant && grant.#isNewer;
  }

  static knownFacts(grant: object): string | null {
    return #facts in grant ? grant.#facts : null;
  }

  static factsOf(grant: OpenGrant): string {
    if (!(#facts in grant)) return factsText(grant);
    grant.#facts ??= factsText(grant);
    return grant.#facts;
  }
}

/** The parts of a grant that change while it is open. All others are its facts. */
type Numbers = 'remaining' | 'held' | 'expired' | 'expiredLate' | 'revoked' | 'rowVersion';

/** A copy whose numbers may be changed. */
export function grantCopy(grant: OpenGrant): Omit<OpenGrant, Numbers> & Mutable<Pick<OpenGrant, Numbers>> {
  return new Kept(grant, Kept.knownFacts(grant), Kept.isNewer(grant));
}

/** A frozen copy of a grant of which everything may be new. Stores may share it. */
export function grantMade(grant: OpenGrant): OpenGrant {
  return kept(grant, null, Kept.isNewer(grant));
}

function kept(grant: OpenGrant, facts: string | null, isNewer: boolean): OpenGrant {
  return Object.freeze(new Kept(grant, facts, isNewer));
}

/** A grant in the state of its account. It is frozen, so that stores may share it. */
export function grantToStored(grant: OpenGrant): StoredGrant {
  return isWhole(grant) ? grant : Kept.factsOf(grant);
}

/** Its numbers, beside the state. */
export function grantNumbers(grant: OpenGrant): GrantNumbers | null {
  const { amount, remaining, held, expired, revoked, rowVersion } = grant;
  if (isWhole(grant)) return null;
  const isUntouched = remaining === amount && held === 0 && expired === 0 && revoked === 0 && rowVersion === 1;
  return isUntouched ? null : Object.freeze([remaining, held, expired, revoked, rowVersion] as const);
}

/** Whether the state holds the grant itself. */
function isWhole(grant: OpenGrant): boolean {
  return grant.expiredLate !== undefined || Kept.isNewer(grant);
}

/**
 * Reads {@link grantToStored} and {@link grantNumbers}.
 *
 * @throws SyntaxError or TypeError for what is no grant.
 */
export function grantFromStored(stored: StoredGrant, numbers: GrantNumbers | null): OpenGrant {
  return typeof stored === 'string'
    ? grantOfFacts(stored, numbers)
    : kept(stored as OpenGrant, null, hasMore(stored as OpenGrant));
}

/** Reads what earlier versions stored for every grant, as {@link grantFromStored} does. */
export function grantFromEarlier(stored: EarlierGrant): OpenGrant {
  if (!Array.isArray(stored)) return grantFromStored(stored as StoredGrant, null);
  const [facts, ...numbers] = stored as Extract<EarlierGrant, readonly unknown[]>;
  return grantOfFacts(facts, numbers);
}

/** The facts that every stored list has, those that it may have, and the numbers beside it. */
const FACTS_MIN = 12;
const FACTS_MAX = 12;
const NUMBERS = 5;

function factsText(grant: OpenGrant): string {
  const facts: GrantFacts = [
    grant.id,
    grant.source,
    grant.amount,
    grant.priority,
    grant.effectiveAt,
    grant.expiresAt,
    grant.seq,
    grant.place,
    grant.createdAt,
    grant.planId,
    grant.reference,
    grant.paymentId ?? null,
  ];
  return JSON.stringify(facts);
}

function grantOfFacts(text: string, numbers: GrantNumbers | null): OpenGrant {
  const facts = JSON.parse(text) as GrantFacts;
  if (!Array.isArray(facts) || facts.length < FACTS_MIN || facts.length > FACTS_MAX) {
    throw new TypeError('A grant has not the facts of one.');
  }
  const [id, source, amount, priority, effectiveAt, expiresAt, seq, place, createdAt, planId, ...terms] = facts;
  const [reference, paymentId] = terms;
  const grant: Mutable<OpenGrant> = {
    id,
    source,
    amount,
    remaining: amount,
    held: 0,
    expired: 0,
    revoked: 0,
    priority,
    effectiveAt,
    expiresAt,
    seq,
    place,
    createdAt,
    planId,
    reference,
    rowVersion: 1,
  };
  if (paymentId !== null) grant.paymentId = paymentId;
  if (numbers !== null) {
    if (numbers.length !== NUMBERS) throw new TypeError('A grant has not the numbers of one.');
    [grant.remaining, grant.held, grant.expired, grant.revoked, grant.rowVersion] = numbers;
  }
  return kept(grant, text, false);
}

/** Whether a grant has a field that {@link Kept} does not list. */
function hasMore(grant: OpenGrant): boolean {
  const copy = new Kept(grant, null, false);
  return Object.keys(grant).some((name) => !Object.hasOwn(copy, name));
}
