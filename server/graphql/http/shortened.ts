/**
 * The first `length` characters of a text that a caller sent. Never cut inside a surrogate pair: half of one is no
 * character.
 */
export function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = text.charCodeAt(length) >> 10 === 0xdc00 >> 10 ? length - 1 : length;
  return `${text.slice(0, end)}…`;
}
