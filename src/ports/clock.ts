/** The host's clock, when it has one of its own (tests, simulations). It must not go backwards by itself. */
export interface Clock {
  /** The instant of a decision. */
  now(): Date;
}
