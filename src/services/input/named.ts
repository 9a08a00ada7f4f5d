import { ledHome } from '../../errors.js';

type Verb = (...given: unknown[]) => Promise<unknown>;

/**
 * The same verbs, whose errors lead home: their stacks begin with the name of the verb and go on with whoever awaits
 * it.
 */
export function named<Verbs extends object>(verbs: Verbs): Verbs {
  const all = Object.entries(verbs as Record<string, Verb>).map(([name, verb]) => {
    const leading: Verb = async (...given) => {
      try {
        return await verb(...given);
      } catch (error) {
        throw ledHome(error);
      }
    };
    return [name, Object.defineProperty(leading, 'name', { value: name })] as const;
  });
  return Object.fromEntries(all) as Verbs;
}
