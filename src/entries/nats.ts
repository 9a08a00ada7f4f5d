/**
 * credit-management/nats: events to NATS JetStream, and messages from it.
 * @module
 */
export type { NatsConnectionLike, NatsPlace } from '../nats/connection.js';
export type { NatsFormat } from '../nats/envelope.js';
export { type NatsSinkOptions, natsSink } from '../nats/sink.js';
export { type NatsSourceOptions, natsSource, natsSubjects } from '../nats/source.js';
