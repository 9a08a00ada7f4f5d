/** Names of fields outside of this library's own code: in HTTP and in messages. */

/** `userId` → `user_id`. */
export function wireName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
