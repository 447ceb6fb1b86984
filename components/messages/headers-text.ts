/** Headers of a message as people type them: one a line, `name: value`. Or, for any text, a JSON object. */

export interface Header {
  name: string;
  value: string;
}

/** Null for a text that is neither, or has a name twice. */
export function readHeaders(text: string): Header[] | null {
  const headers = text.trimStart().startsWith("{") ? readObject(text) : readLines(text);
  if (headers === null || headers.some(({ name }) => name === "")) return null;
  return new Set(headers.map(({ name }) => name)).size === headers.length ? headers : null;
}

/** What `readHeaders` reads as these headers. */
export function writeHeaders(headers: readonly Header[]): string {
  const lines = headers.map(({ name, value }) => `${name}: ${value}`).join("\n");
  const read = readHeaders(lines) ?? [];
  const isSame =
    read.length === headers.length &&
    read.every(({ name, value }, index) => name === headers[index]?.name && value === headers[index]?.value);
  return isSame ? lines : JSON.stringify(Object.fromEntries(headers.map(({ name, value }) => [name, value])), null, 2);
}

function readLines(text: string): Header[] | null {
  const headers: Header[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "") continue;
    const colon = line.indexOf(":");
    if (colon === -1) return null;
    headers.push({ name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() });
  }
  return headers;
}

function readObject(text: string): Header[] | null {
  try {
    const entries = Object.entries(JSON.parse(text) as object);
    const headers = entries.flatMap(([name, value]) => (typeof value === "string" ? [{ name, value }] : []));
    return headers.length === entries.length ? headers : null;
  } catch {
    return null;
  }
}
