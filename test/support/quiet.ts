const ignore = () => {};

/** A logger for tests that do not ask what is logged. */
export const QUIET = { debug: ignore, info: ignore, warn: ignore, error: ignore };
