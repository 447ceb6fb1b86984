/** A line for a POSIX shell; a quote in the body is closed, escaped and opened again. */
export function curlCommand(url: string, query: string, variables: Record<string, unknown>): string {
  const body = JSON.stringify({ query, variables }).replaceAll("'", "'\\''");
  return `curl -sS '${url.replaceAll("'", "%27")}' -H 'content-type: application/json' --data-binary '${body}'`;
}
