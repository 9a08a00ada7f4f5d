/** The part of a call that its entries keep, and the fingerprint of its input. */
import { fingerprintOf } from '../../core/canonical-json.js';
import type { CallInfo } from '../../core/command.js';
import type { Json, JsonObject, Metadata } from '../../models/values.js';

const NO_METADATA: JsonObject = Object.freeze({});

interface CallFields {
  correlationId?: string | undefined;
  idempotencyKey?: string | undefined;
  description?: string | undefined;
  metadata?: Metadata | undefined;
  actor?: string | undefined;
  reason?: string | undefined;
}

/** Option names that do not count as input: the key itself, tracing, and how the call runs. */
const NOT_INPUT: ReadonlySet<string> = new Set([
  ...['idempotencyKey', 'correlationId', 'session', 'signal', 'timeoutMs', 'dryRun'],
]);

/**
 * The fingerprint of a call's canonical input: every field the caller gave, with amounts in units and instants in
 * milliseconds. Defaults do not count.
 */
export function inputFingerprint(given: JsonObject, options: object): string {
  const fields: Record<string, Json> = Object.assign({}, given);
  for (const [name, value] of Object.entries(options)) {
    if (!NOT_INPUT.has(name) && value !== undefined && !Object.hasOwn(given, name)) fields[name] = value as Json;
  }
  return fingerprintOf(fields);
}

export function callInfo(
  operation: string,
  operationId: string,
  fields: CallFields,
  keyed: { scopedKey: string; fingerprint: string } | null,
): CallInfo {
  return {
    operation,
    operationId,
    description: fields.description ?? null,
    actor: fields.actor ?? null,
    reason: fields.reason ?? null,
    correlationId: fields.correlationId ?? null,
    // The schema of the call has made it JSON.
    metadata: (fields.metadata as JsonObject | undefined) ?? NO_METADATA,
    idempotencyKey: keyed ? (fields.idempotencyKey ?? null) : null,
    scopedKey: keyed?.scopedKey ?? null,
    fingerprint: keyed?.fingerprint ?? null,
  };
}
