/** The default diagnostics logger: pino, quiet, with secrets redacted. */
import { pino } from 'pino';
import type { LoggerLike } from '../../ports/logger.js';

export const SECRETS = [
  'authorization',
  'signature',
  'secret',
  'token',
  'password',
  'uri',
  'url',
  'email',
  'phone',
  'card',
];

/** Warnings and errors only, on standard output as JSON lines. */
export function defaultLogger(): LoggerLike {
  const paths = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino({ name: 'credit-management', level: 'warn', redact: { paths, censor: '[redacted]' } });
}
