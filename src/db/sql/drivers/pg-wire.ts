/** The parts below a `pg` client: its socket, and the messages of the protocol. Each query of `pg` writes its own. */
import type { SqlResult } from '../connection.js';

interface Wire {
  readonly stream?: { destroy?(): void; cork?(): void; uncork?(): void };
  readonly parsedStatements?: Record<string, string | undefined>;
  parse(statement: { readonly name: string; readonly text: string }): void;
  bind(portal: { readonly statement: string; readonly values: readonly (string | null)[] }): void;
  describe(portal: { readonly type: 'P'; readonly name: string }): void;
  execute(portal: { readonly portal: string }): void;
  sync(): void;
}

type Query = { submit(wire: Wire): null };
type QueryClass = new (
  statement: object,
  callback: (error: Error | null, results: readonly SqlResult[]) => void,
) => Query;

/** A statement. The connection keeps it under its name, unless that is empty. */
interface Statement {
  readonly text: string;
  readonly name: string;
}

/** The parts below a `pg` client, as far as they are there. */
export function belowOf(client: object): Partial<Wire> | undefined {
  return (client as { connection?: Partial<Wire> }).connection;
}

/** Whether {@link sendTogether} can be used: other clients than those of `pg` itself hide their protocol. */
export function hasWire(client: object): boolean {
  const { bind, sync, parsedStatements } = belowOf(client) ?? {};
  return Boolean(bind && sync && parsedStatements) && typeof queryClassOf(client) === 'function';
}

/**
 * Sends two statements at once, which the server carries out as one transaction, and answers the second. The first must
 * answer no row: nobody reads it.
 */
export function sendTogether(
  client: object,
  first: Statement,
  { text, values, name }: Statement & { readonly values: readonly (string | null)[] },
): Promise<SqlResult> {
  return new Promise((resolve, reject) => {
    const query = new (queryClassOf(client) as QueryClass)({ text, values, name }, (error, results) => {
      if (error) reject(error);
      else resolve(results.at(-1) as SqlResult);
    });
    query.submit = (wire) => {
      // In one packet.
      wire.stream?.cork?.();
      try {
        const isKept = (kept: string) => kept !== '' && wire.parsedStatements?.[kept] !== undefined;
        // `pg` takes the first answer to a `parse` for that of a statement with a name.
        const before = name === '' || isKept(first.name) ? first.name : '';
        if (!isKept(before)) wire.parse({ name: before, text: first.text });
        if (before !== '' && wire.parsedStatements) wire.parsedStatements[before] = first.text;
        wire.bind({ statement: before, values: [] });
        wire.execute({ portal: '' });
        if (!isKept(name)) wire.parse({ name, text });
        wire.bind({ statement: name, values });
        wire.describe({ type: 'P', name: '' });
        wire.execute({ portal: '' });
        wire.sync();
      } finally {
        wire.stream?.uncork?.();
      }
      return null;
    };
    (client as { query(query: Query): void }).query(query);
  });
}

function queryClassOf(client: object): QueryClass | undefined {
  return (client.constructor as { Query?: QueryClass }).Query;
}
