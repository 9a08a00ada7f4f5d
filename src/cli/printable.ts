/** Shows text that callers stored, its control characters escaped, so that no text moves a cursor or forges a line. */

// C0, DEL and C1 control terminals; U+2028 and U+2029 end lines; the others reverse the direction of what follows.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern is there to escape them
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** One line of text. */
export function printable(text: string): string {
  return text.replace(CONTROL, escaped);
}

/** One line of JSON. The value is the same for those who parse it. */
export function printableJson(value: object): string {
  return printable(JSON.stringify(value));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
