/** What the driver's errors mean, label by label and code by code; no server is needed. */
import assert from 'node:assert/strict';
import {
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb';
import { describe, expect, test } from 'vitest';
import {
  callFailure,
  isCommitUnknown,
  isTransient,
  type Meaning,
  meaningOf,
  WriteError,
} from '../../../src/db/mongodb/failures.js';
import { isCreditError } from '../../../src/errors.js';

const server = (code: number, ...errorLabels: string[]) =>
  new MongoServerError({ message: 'of the server', code, errorLabels });
const TRANSIENT = 'TransientTransactionError';
const UNKNOWN = 'UnknownTransactionCommitResult';

describe('meaning', () => {
  test.each<[string, unknown, Meaning]>([
    ['write conflict', server(112, TRANSIENT), 'contended'],
    ['lock timeout', server(24, TRANSIENT), 'contended'],
    ['snapshot too old', server(239, TRANSIENT), 'contended'],
    ['snapshot unavailable', server(246, TRANSIENT), 'contended'],
    ['no such transaction', server(251, TRANSIENT), 'unavailable'],
    ['not primary', server(10107, TRANSIENT), 'unavailable'],
    ['stepped down', server(189), 'unavailable'],
    ['interrupted at shutdown', server(11600), 'unavailable'],
    ['interrupted by a change of state', server(11602), 'unavailable'],
    ['out of time', server(50), 'unavailable'],
    ['some other error with the label', server(999, TRANSIENT), 'unavailable'],
    ['network', new MongoNetworkError('gone'), 'unavailable'],
    ['network, timed out', new MongoNetworkTimeoutError('gone'), 'unavailable'],
    ['no server', new MongoServerSelectionError('none', {} as never), 'unavailable'],
    ['duplicate key', server(11000), 'taken'],
    ['duplicate key inside an answer', new WriteError({ code: 11000 }), 'taken'],
    ['refused by the validator', new WriteError({ code: 121 }), 'rejected'],
    ['too large', server(10334), 'rejected'],
    ['refused by the driver', new MongoInvalidArgumentError('no'), 'rejected'],
    ['does not fit the buffer', new RangeError('offset'), 'rejected'],
    ['unauthorized', server(13), 'failed'],
    ['anything', new Error('anything'), 'failed'],
    ['nothing', null, 'failed'],
  ])('%s', (_, error, meaning) => {
    expect(meaningOf(error)).toBe(meaning);
  });
});

test('labels are the driver’s own', () => {
  assert.ok(isTransient(server(112, TRANSIENT)) && !isTransient(server(112)) && !isTransient(undefined));
  assert.ok(isCommitUnknown(server(91, UNKNOWN)) && !isCommitUnknown(server(91, TRANSIENT)));
});

test('what a read is refused with says nothing of the driver, whose error is the cause', () => {
  for (const [error, code] of [
    [server(112, TRANSIENT), 'CONTENTION'],
    [server(189), 'STORAGE_UNAVAILABLE'],
    // Trying again is no use.
    [server(13), 'CONFIGURATION'],
    [server(18), 'CONFIGURATION'],
    [new TypeError('of a value'), 'INVALID_ARGUMENT'],
  ] as const) {
    const failure = callFailure(error);
    assert.ok(isCreditError(failure, code));
    assert.equal(failure.cause, error);
    assert.ok(!failure.message.includes('of '.concat('the server')));
  }
});
