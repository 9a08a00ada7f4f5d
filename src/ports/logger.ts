/** Diagnostics: pino's shape, so that any pino logger fits. */
export interface LoggerLike {
  debug(o: object, msg?: string): void;
  info(o: object, msg?: string): void;
  warn(o: object, msg?: string): void;
  error(o: object, msg?: string): void;
}
