/**
 * A process that passes TCP on and delays each direction, as a network does: `delay-proxy.ts PORT MILLISECONDS`. It is
 * a process of its own, so that its work is counted for nobody. It tells its own port. A timer of Node.js may be late
 * by a millisecond, for every design alike.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const [port, delayMs] = process.argv.slice(2).map(Number) as [number, number];

function passOn(from: Socket, to: Socket): void {
  from.setNoDelay(true);
  from.on('data', (data) => setTimeout(() => to.write(data), delayMs));
  from.on('close', () => setTimeout(() => to.destroy(), delayMs));
  from.on('error', () => {});
}

const server = createServer((client) => {
  const database = connect(port, '127.0.0.1');
  passOn(client, database);
  passOn(database, client);
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());
