/** A line for a POSIX shell. A quote in the body ends the quoted text, is escaped, and begins it again. */
export function curlCommand(url: string, query: string, variables: object): string {
  const body = JSON.stringify({ query, variables }).replaceAll("'", "'\\''");
  return `curl -sS '${url.replaceAll("'", "%27")}' -H 'content-type: application/json' --data-binary '${body}'`;
}
