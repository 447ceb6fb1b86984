/** What commands print: results on standard output, and what is only for people on standard error. */

/** True once nobody reads the output any more, such as after `head` has ended. What follows is for nobody. */
export function isOutputGone(): boolean {
  return process.stdout.destroyed || process.stdout.writableEnded;
}

export function print(line: string): void {
  if (!isOutputGone()) process.stdout.write(`${line}\n`);
}

/** One document of JSON, for programs. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
