/** `Temporal` for plans in a time zone: the polyfill, where it is installed and the runtime has none of its own. */
export async function findTemporal() {
  if ('Temporal' in globalThis) return undefined;
  return import('temporal-polyfill').then(
    ({ Temporal }) => Temporal,
    () => undefined,
  );
}
