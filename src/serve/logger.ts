/** The log of the service: one JSON line an event, on standard output. */
import { type DestinationStream, type Logger, pino } from 'pino';
import { SECRETS } from '../services/manager/default-logger.js';

export interface LoggerSettings {
  readonly name: string;
  readonly level: string;
  /** Default standard output. */
  readonly stream?: DestinationStream | undefined;
}

/** Fields of metadata, tokens and addresses are never written. */
export function serviceLogger({ name, level, stream }: LoggerSettings): Logger {
  const paths = [...SECRETS, 'metadata'].flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  const options = { name, level, redact: { paths, censor: '[redacted]' } };
  return stream ? pino(options, stream) : pino(options);
}
