/** One request to a provider: within a time, without redirects, with an answer of bounded size, never sent twice. */
import { type CreditError, creditError, driverCodeOf } from '../errors.js';
import type { JsonObject } from '../models/values.js';
import { clearTimeout, setTimeout } from '../timers.js';

/** The most bytes of an answer that are read. */
const ANSWER_BYTES_MAX = 1024 * 1024;
/** The statuses of a refusal for now: too slow, under way, too early, too many. Any other 4xx is one for good. */
const TRY_AGAIN: ReadonlySet<number> = new Set([408, 409, 425, 429]);

export interface ExchangeSettings {
  /** The name of the provider, in errors. */
  readonly provider: string;
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly fetch: typeof fetch | undefined;
}

export interface ProviderRequest {
  /** Completes the sentence "stripe refused to …" in an error. */
  readonly task: string;
  readonly method: 'GET' | 'POST';
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

/** An answer of the provider, also one that refuses. */
export interface ProviderAnswer {
  readonly status: number;
  readonly body: JsonObject;
}

/**
 * Sends a request once. Whether to try again is the caller's choice, who knows if the request moves money.
 *
 * @returns the answer, whatever its status of 2xx or 4xx.
 * @throws PROVIDER_ERROR when no answer came, or none that can be read; the reason of the signal when it was aborted.
 */
export async function exchange(settings: ExchangeSettings, request: ProviderRequest): Promise<ProviderAnswer> {
  const { method, headers, body } = request;
  const send = settings.fetch ?? fetch;
  return limited(settings, request, async (signal) => {
    const url = settings.baseUrl + request.path;
    const response = await send(url, { method, headers, body, redirect: 'manual', signal });
    try {
      return await read(settings, request, response);
    } finally {
      // The rest of an answer that was refused is of no use.
      void response.body?.cancel().catch(() => {});
    }
  });
}

/** Runs an exchange within the time limit, and ends it with the signal, even if it minds neither. */
export async function limited<T>(
  { provider, timeoutMs }: Pick<ExchangeSettings, 'provider' | 'timeoutMs'>,
  { task, signal }: Pick<ProviderRequest, 'task' | 'signal'>,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const late = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
  });
  const stop = () => controller.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const message = `${provider} did not answer within ${timeoutMs} ms when asked to ${task}`;
  const timer = setTimeout(() => controller.abort(providerError(provider, message)), timeoutMs);
  try {
    return await Promise.race([run(controller.signal), late]);
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    if (isOwn(error)) throw error;
    const code = driverCodeOf(error);
    const asked = `when asked to ${task}${code === null ? '' : ` (${code})`}`;
    throw providerError(provider, `${provider} could not be reached ${asked}`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function read(settings: ExchangeSettings, request: ProviderRequest, response: Response): Promise<ProviderAnswer> {
  const { provider } = settings;
  const { status } = response;
  const asked = `(HTTP ${status}) when asked to ${request.task}`;
  if (status < 200 || (status >= 300 && status < 400)) {
    throw providerError(provider, `${provider} answered with a redirect ${asked}`, { retryable: false });
  }
  const body = parsed(await bytesOf(response));
  if (body !== null) return { status, body };
  // A refusal needs no body that can be read: its status says enough.
  if (status >= 300) return { status, body: {} };
  throw providerError(provider, `${provider} gave an answer that cannot be read ${asked}`);
}

/** The bytes of an answer; null of one that is too large. */
async function bytesOf(response: Response): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  try {
    while (reader) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.length;
      if (bytes > ANSWER_BYTES_MAX) return null;
      parts.push(value);
    }
  } finally {
    reader?.releaseLock();
  }
  return Buffer.concat(parts);
}

function parsed(bytes: Uint8Array | null): JsonObject | null {
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}

/** The error of an answer that refuses; `code` is the provider's, and told only if it looks like one. */
export function refusal(provider: string, task: string, status: number, code: unknown): CreditError<'PROVIDER_ERROR'> {
  const told = typeof code === 'string' && /^[A-Za-z][A-Za-z0-9_.]{0,63}$/.test(code) ? ` ${code}` : '';
  const retryable = status >= 500 || TRY_AGAIN.has(status);
  return providerError(provider, `${provider} refused to ${task} (HTTP ${status}${told})`, { retryable });
}

/** @param what a sentence without its full stop and without a secret. */
export function providerError(provider: string, what: string, options?: { cause?: unknown; retryable?: boolean }) {
  const advice = options?.retryable === false ? 'The same request will not succeed.' : 'Try again.';
  return creditError('PROVIDER_ERROR', `${what}. ${advice}`, { provider }, options);
}

function isOwn(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'PROVIDER_ERROR';
}
