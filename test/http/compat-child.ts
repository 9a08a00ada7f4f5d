/** Runs examples/compat-server.ts as it is, but on free ports, which it tells its parent. */
import { Server } from 'node:net';

const { listen } = Server.prototype;
const ports = new Map<number, number>();
Server.prototype.listen = function (this: Server, port: number, host: string) {
  this.once('listening', () => {
    ports.set(port, (this.address() as { port: number }).port);
    if (ports.size === 3) process.send?.([ports.get(8000), ports.get(9000), ports.get(8015)]);
  });
  return (listen as (port: number, host: string) => Server).call(this, 0, host);
} as typeof listen;
process.argv.push('--stay');
await import('../../examples/compat-server.js');
