/** A manager with a sink to NATS, and what a stream has. */
import { onTestFinished } from 'vitest';
import { type NatsSinkOptions, natsSink } from '../../src/entries/nats.js';
import {
  type CreditManagement,
  type CreditManagementOptions,
  createCreditManagement,
  InMemoryDbManager,
  type MemorySession,
} from '../../src/index.js';
import type { OutboxRow } from '../../src/models/outbox.js';
import type { NatsServer } from '../backends/nats.js';
import { QUIET } from '../support/quiet.js';

export interface Received {
  readonly subject: string;
  readonly id: string;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of a message
  readonly body: any;
  readonly mediaType: string;
}

type Options = Omit<CreditManagementOptions<MemorySession>, 'db' | 'sinks'>;

export function natsWorld(server: NatsServer, given: Partial<NatsSinkOptions> = {}, options: Options = {}) {
  const db = new InMemoryDbManager();
  const place = given.connection ? {} : { url: server.url };
  const sink = natsSink({ ...place, timeoutMs: 1_000, ...given });
  const manager = createCreditManagement({ logger: QUIET, ...options, db, sinks: [sink] });
  onTestFinished(() => manager.close());
  const rows = async () => {
    const { rows } = await db.find('outbox', { index: 'sent', limit: 10_000 });
    return rows as unknown as readonly OutboxRow[];
  };
  return { db, manager: manager as unknown as CreditManagement, sink, rows };
}

/** Everything that a stream has, in its order. */
export function received(server: NatsServer, stream = 'CREDIT'): Promise<Received[]> {
  return server.with(async (_, manager) => {
    const { state } = await manager.streams.info(stream);
    const all: Received[] = [];
    for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(stream, { seq });
      if (!message) continue;
      const text = message.string();
      const mediaType = message.header.get('Content-Type');
      all.push({
        subject: message.subject,
        id: message.header.get('Nats-Msg-Id'),
        text,
        body: JSON.parse(text),
        mediaType,
      });
    }
    return all;
  });
}
