/** How calls end, in one word for an expectation. */

type Refused = { readonly code?: string; readonly outcome?: string };

/** The code that a call rejects with, or `resolved`. */
export function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'resolved',
    (error: Refused) => error.code ?? String(error),
  );
}

/** The code and the outcome that a call rejects with, or `resolved`. */
export function endOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'resolved',
    (error: Refused) => `${error.code ?? String(error)} ${error.outcome ?? ''}`.trim(),
  );
}
