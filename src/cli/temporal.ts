/** Finds `Temporal` for plans in a time zone: the installed polyfill, if the runtime has no `Temporal` of its own. */
export async function findTemporal() {
  if ('Temporal' in globalThis) return undefined;
  return import('temporal-polyfill').then(
    ({ Temporal }) => Temporal,
    () => undefined,
  );
}
