/** Checks the options that sink and source share. */
import type { NatsPlace } from './connection.js';

/** The first problem; null without one. `names` are those of all options. */
export function placeProblem(options: NatsPlace & { readonly name?: string | undefined }, names: readonly string[]) {
  if (typeof options !== 'object' || options === null) return 'it takes an object of options';
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) return `there is no option ${unknown}`;
  const { connection, url, name = 'nats' } = options;
  if ((connection === undefined) === (url === undefined)) return 'give either connection or url';
  if (connection !== undefined && typeof connection.status !== 'function') {
    return 'connection is no connection of @nats-io/transport-node';
  }
  const urls = [url ?? []].flat();
  if (url !== undefined && (urls.length === 0 || urls.some((one) => typeof one !== 'string' || one === ''))) {
    return 'url is neither a URL nor a list of them';
  }
  if (typeof name !== 'string' || !/^[a-z][a-z0-9_-]{0,31}$/.test(name)) return 'name is not [a-z][a-z0-9_-]{0,31}';
  return null;
}
