/** A TCP proxy that cuts, freezes, delays, and loses exactly one answer. It knows nothing of what it carries. */
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What becomes of the next request that holds a marker.
 * - `answer`: it goes out, and its answer is thrown away and the connection reset: applied, but nobody is told.
 * - `request`: it never arrives, the connection is reset.
 * - `late`: the connection is reset at once, and the request arrives `lateMs` afterwards.
 */
export interface Trap {
  readonly marker: string;
  /** Springs on the request that makes it durable what the one with the marker does, where these are two. */
  readonly decides?: boolean;
  readonly loses: 'answer' | 'request' | 'late';
  readonly lateMs?: number;
  /** Called when it happens. */
  readonly sprung?: () => void;
}

/** Told a request with a marker: which later one makes it durable, or null where it only reads. */
export type Decisive = (request: Buffer) => ((later: Buffer) => boolean) | null;

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** The end of what was seen, so that a marker on a border is found. */
  tail: Buffer;
  /** Its next answer is lost. */
  trap: Trap | null;
}

export class TcpProxy {
  /** Milliseconds that every piece of data takes longer. */
  delayMs = 0;
  /** Requests with these markers; each springs once. */
  readonly traps: Trap[] = [];
  /** Connections cut, and the most that were open at once. */
  cuts = 0;
  mostOpen = 0;
  readonly #target: URL;
  readonly #decisive: Decisive | null;
  /** Of traps whose marker was seen, which request they wait for. */
  readonly #awaited = new Map<Trap, (request: Buffer) => boolean>();
  readonly #pairs = new Set<Pair>();
  readonly #server: Server;
  #frozen: (() => void)[] | null = null;
  #isDown = false;
  #isSilent = false;
  readonly #ignored = new Set<Socket>();

  private constructor(target: URL, decisive: Decisive | null) {
    this.#target = target;
    this.#decisive = decisive;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(url: string, decisive: Decisive | null = null): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(url), decisive);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The URL of the server through the proxy. */
  get url(): string {
    const url = new URL(this.#target.href);
    url.hostname = '127.0.0.1';
    url.port = String((this.#server.address() as { port: number }).port);
    return url.href;
  }

  get open(): number {
    return this.#pairs.size;
  }

  /** Resets every connection; new ones are welcome. */
  cut(): void {
    for (const pair of [...this.#pairs]) this.#reset(pair);
  }

  /** Resets every connection and every new one, until {@link up}. */
  down(): void {
    this.#isDown = true;
    this.cut();
  }

  up(): void {
    this.#isDown = false;
    this.#isSilent = false;
  }

  /** Accepts every new connection and never answers it. {@link up} helps those alone that come after it. */
  ignore(): void {
    this.#isSilent = true;
  }

  /** Nothing gets through in either direction and nobody is told, until {@link thaw}; then all of it arrives. */
  freeze(): void {
    this.#frozen ??= [];
  }

  thaw(): void {
    const held = this.#frozen ?? [];
    this.#frozen = null;
    for (const pass of held) pass();
  }

  /** Nothing is wrong with it any more. */
  heal(): void {
    this.traps.length = 0;
    this.delayMs = 0;
    this.up();
    this.thaw();
  }

  /** Connections that were accepted and are not answered. */
  get ignored(): number {
    return this.#ignored.size;
  }

  async close(): Promise<void> {
    this.cut();
    for (const client of this.#ignored) client.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#isDown) {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    if (this.#isSilent) {
      this.#ignored.add(client);
      client.on('error', () => {}).on('close', () => this.#ignored.delete(client));
      client.resume();
      return;
    }
    const server = connect(Number(this.#target.port || 5432), this.#target.hostname);
    const pair: Pair = { client, server, tail: Buffer.alloc(0), trap: null };
    this.#pairs.add(pair);
    this.mostOpen = Math.max(this.mostOpen, this.#pairs.size);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on('data', (data) => this.#request(pair, data));
    server.on('data', (data) => {
      if (pair.trap) this.#spring(pair, pair.trap);
      else this.#pass(() => client.write(data));
    });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => {});
      from.on('end', () => this.#pass(() => to.end()));
      from.on('close', () => {
        this.#pairs.delete(pair);
        this.#pass(() => to.destroy());
      });
    }
  }

  #request(pair: Pair, data: Buffer): void {
    const seen = Buffer.concat([pair.tail, data]);
    pair.tail = seen.subarray(Math.max(0, seen.length - 256));
    const trap = this.#trapFor(seen, data);
    if (trap?.loses === 'answer') pair.trap = trap;
    if (trap === null || trap.loses === 'answer') this.#pass(() => pair.server.write(data));
    else if (trap.loses === 'request') this.#spring(pair, trap);
    else {
      // The server's side stays open until it has read and answered what comes late.
      const { server } = pair;
      pair.client.removeAllListeners('close').removeAllListeners('end');
      this.#pairs.delete(pair);
      this.cuts++;
      pair.client.resetAndDestroy();
      server
        .removeAllListeners('data')
        .removeAllListeners('close')
        .on('data', () => server.destroy());
      setTimeout(() => server.write(data, trap.sprung), trap.lateMs ?? 0);
    }
  }

  #trapFor(seen: Buffer, data: Buffer): Trap | null {
    const at = this.traps.findIndex((trap) => {
      const awaited = this.#awaited.get(trap);
      return awaited ? awaited(data) : seen.includes(trap.marker);
    });
    if (at < 0) return null;
    const trap = this.traps[at] as Trap;
    if (trap.decides && this.#decisive && !this.#awaited.has(trap)) {
      const awaited = this.#decisive(seen);
      if (awaited) this.#awaited.set(trap, awaited);
      return null;
    }
    this.#awaited.delete(trap);
    this.traps.splice(at, 1);
    return trap;
  }

  #spring(pair: Pair, trap: Trap): void {
    pair.trap = null;
    this.#reset(pair);
    trap.sprung?.();
  }

  #reset(pair: Pair): void {
    this.cuts++;
    this.#pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.server.destroy();
  }

  /** Does it now, later, or when the freeze is over; in order in each of these. */
  #pass(work: () => void): void {
    const unlessFrozen = () => (this.#frozen ? this.#frozen.push(work) : work());
    if (this.delayMs > 0) setTimeout(unlessFrozen, this.delayMs);
    else unlessFrozen();
  }
}
