/** A client that costs as little as one can: it shares the processor with the server that it measures. */
import { connect, type Socket } from 'node:net';

interface Idle {
  readonly socket: Socket;
  answered: (text: string) => void;
  text: string;
}

export class RawClient {
  readonly #port: number;
  readonly #head: string;
  readonly #idle: Idle[] = [];
  readonly #all: Socket[] = [];

  constructor(port: number, headers: Readonly<Record<string, string>>) {
    this.#port = port;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#head = `Host: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n${lines.join('')}`;
  }

  /** Sends the request on a connection of its own; connections are used again. @throws where the answer is not 200 */
  async post({ path, body }: { readonly path: string; readonly body: string }): Promise<void> {
    const one = this.#idle.pop() ?? this.#open();
    const answer = await new Promise<string>((resolve) => {
      one.answered = resolve;
      one.socket.write(`POST ${path} HTTP/1.1\r\n${this.#head}Content-Length: ${body.length}\r\n\r\n${body}`);
    });
    this.#idle.push(one);
    if (!answer.startsWith('HTTP/1.1 200 ')) throw new Error(answer);
  }

  close(): void {
    for (const socket of this.#all) socket.destroy();
  }

  #open(): Idle {
    const socket = connect(this.#port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
    const one: Idle = { socket, answered: () => {}, text: '' };
    this.#all.push(socket);
    socket.on('data', (chunk: string) => {
      one.text += chunk;
      const end = one.text.indexOf('\r\n\r\n') + 4;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(one.text)?.[1]);
      if (end < 4 || one.text.length < end + length) return;
      const { text } = one;
      one.text = '';
      one.answered(text);
    });
    return one;
  }
}
