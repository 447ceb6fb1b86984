/** A text that a caller sent, or its beginning. Never cut inside a surrogate pair: half a pair is no character. */
export function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = text.charCodeAt(length) >> 10 === 0xdc00 >> 10 ? length - 1 : length;
  return `${text.slice(0, end)}…`;
}
