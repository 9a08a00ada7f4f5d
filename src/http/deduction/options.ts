/** Checks what a host states about automatic deduction, once, when it is set up. */
import type { Overage } from '../../models/enums.js';
import { defaultLogger } from '../../services/manager/default-logger.js';
import type { Authenticate, Identity } from '../contract.js';
import { misconfigured } from '../misconfigured.js';
import type { DeductionOptions, DeductionSettings } from './contract.js';
import { decimalIn } from './usage.js';

/** The options with their defaults. */
export interface Deduction<Req> {
  readonly credits: DeductionSettings<Req>['credits'];
  readonly logger: NonNullable<DeductionSettings<Req>['logger']>;
  readonly paths: { readonly prefix: string; readonly skip: readonly string[] };
  readonly authenticate: Authenticate<Req> | null;
  readonly userIdHeader: string;
  readonly account: (who: Identity, request: Req) => string;
  readonly estimate: DeductionSettings<Req>['estimate'];
  readonly estimatedTokensHeader: string;
  readonly defaultEstimatedTokens: number;
  readonly estimateRange: readonly [number, number] | null;
  readonly creditsPerUnit: number;
  readonly overage: Overage;
  readonly chargeOnError: boolean;
  readonly ttlSeconds: number | undefined;
  readonly usage: 'body' | 'header' | 'context';
  readonly responseUsageKey: string;
}

const FIELDS = [
  ...['credits', 'pathPrefix', 'skipPaths', 'account', 'estimate', 'estimatedTokensHeader', 'defaultEstimatedTokens'],
  ...['estimateRange', 'creditsPerUnit', 'overage', 'chargeOnError', 'holdSeconds', 'logger', 'authenticate'],
  ...['userIdHeader', 'usage', 'responseUsageKey'],
];
const HEADER = /^[\w-]{1,100}$/;
const PATH = /^(\/[^/?#%\\]+)*\/?$/;

/** @throws CONFIGURATION for a wrong option; it names the field */
export function checkedDeduction<Req>(given: DeductionOptions<Req>): Deduction<Req> {
  if (typeof given !== 'object' || given === null) throw misconfigured('creditDeduction takes an object of options');
  const stranger = Object.keys(given).find((field) => !FIELDS.includes(field));
  if (stranger !== undefined) throw misconfigured(`creditDeduction has no option ${stranger}`);
  const { credits, authenticate, userIdHeader, account, estimate, logger = defaultLogger() } = given;
  if (typeof credits?.openMeter !== 'function') throw misconfigured('creditDeduction needs credits: manager.credits');
  checkUser(authenticate, userIdHeader);
  for (const [name, value] of Object.entries({ account, estimate })) {
    if (value !== undefined && typeof value !== 'function') throw misconfigured(`${name} is not a function`);
  }
  const { estimatedTokensHeader = 'X-Estimated-Tokens', defaultEstimatedTokens = 100, estimateRange } = given;
  if (!HEADER.test(estimatedTokensHeader)) throw misconfigured('estimatedTokensHeader is not the name of a header');
  if (!isPositive(defaultEstimatedTokens)) throw misconfigured('defaultEstimatedTokens is not a number above 0');
  if (estimateRange !== undefined) checkRange(estimateRange);
  const { creditsPerUnit = 1, overage = 'cap', chargeOnError = false, holdSeconds } = given;
  const price = decimalIn(creditsPerUnit);
  if (!isPositive(price)) throw misconfigured('creditsPerUnit is not a decimal number above 0');
  if (!['reject', 'charge', 'overdraft', 'cap'].includes(overage)) {
    throw misconfigured("overage is not 'cap', 'charge', 'overdraft' or 'reject'");
  }
  if (typeof chargeOnError !== 'boolean') throw misconfigured('chargeOnError is not true or false');
  if (holdSeconds !== undefined && !(Number.isInteger(holdSeconds) && holdSeconds > 0 && holdSeconds <= 604_800)) {
    throw misconfigured('holdSeconds is not a whole number from 1 to 604,800');
  }
  if (userIdHeader !== undefined) {
    const warning = 'Users are taken from a header that anybody can send, unless a proxy sets it';
    logger.warn({ header: userIdHeader }, warning);
  }
  return {
    ...{ credits, logger, estimate, estimatedTokensHeader, defaultEstimatedTokens, overage, chargeOnError },
    ...usageOf(given),
    paths: pathsOf(given),
    authenticate: authenticate ?? null,
    userIdHeader: userIdHeader ?? '',
    account: account ?? ((who) => who.userId),
    estimateRange: estimateRange ?? null,
    creditsPerUnit: price,
    ttlSeconds: holdSeconds,
  };
}

function checkUser(authenticate: unknown, userIdHeader: unknown): void {
  if (authenticate !== undefined && userIdHeader !== undefined) {
    throw misconfigured('creditDeduction takes authenticate or userIdHeader, not both');
  }
  if (authenticate !== undefined && typeof authenticate !== 'function') {
    throw misconfigured('authenticate is not a function');
  }
  if (userIdHeader !== undefined && !(typeof userIdHeader === 'string' && HEADER.test(userIdHeader))) {
    throw misconfigured('userIdHeader is not the name of a header, such as X-User-Id');
  }
  if (authenticate === undefined && userIdHeader === undefined) {
    throw misconfigured('creditDeduction needs authenticate, a function that tells who sends a request');
  }
}

function checkRange(range: readonly [number, number]): void {
  const isRange = Array.isArray(range) && range.length === 2 && range.every(isPositive) && range[0] <= range[1];
  if (!isRange) throw misconfigured('estimateRange is not two numbers above 0, the smaller one first');
}

function pathsOf<Req>({ pathPrefix = '', skipPaths = [] }: DeductionSettings<Req>): Deduction<Req>['paths'] {
  if (!isPath(pathPrefix)) throw misconfigured('pathPrefix is not a path such as /api');
  if (!Array.isArray(skipPaths) || !skipPaths.every((path) => isPath(path) && trimmed(path) !== '')) {
    throw misconfigured('skipPaths is not a list of paths such as /api/health');
  }
  return { prefix: trimmed(pathPrefix).toLowerCase(), skip: skipPaths.map(trimmed) };
}

function usageOf<Req>({ usage, responseUsageKey }: DeductionOptions<Req>) {
  const source = usage ?? (responseUsageKey === undefined ? 'context' : 'body');
  if (!['body', 'header', 'context'].includes(source)) {
    throw misconfigured("usage is not 'body', 'header' or 'context'");
  }
  if (source === 'context') {
    if (responseUsageKey !== undefined) throw misconfigured("usage: 'context' takes no responseUsageKey");
    return { usage: source, responseUsageKey: '' } as const;
  }
  const isKey = typeof responseUsageKey === 'string' && responseUsageKey !== '';
  if (!isKey || (source === 'header' && !HEADER.test(responseUsageKey))) {
    const wanted = source === 'body' ? 'a path such as usage.total_tokens' : 'the name of a header';
    throw misconfigured(`usage: '${source}' needs responseUsageKey, ${wanted}`);
  }
  return { usage: source, responseUsageKey };
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && PATH.test(value);
}

function trimmed(path: string): string {
  return path.replace(/\/+$/, '');
}
