/** `npm run export`: writes pools, flavors, and queues with their settings into a file. */
import { once } from "node:events";
import { createWriteStream, renameSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { chosenToken, chosenUrl, fail, readArguments, URL_USAGE } from "./arguments.ts";

const USAGE = `npm run --silent export -- [--out FILE] [--project NAME] [--url URL]

Writes all pools, flavors, and queues with their settings as one file of JSON, for npm run import.
The passwords of pools are masked. Messages, claims, subscriptions and keys are not in it.

  --out FILE        the file; left out, it goes to the standard output
  --project NAME    only the flavors and queues of this project
${URL_USAGE}`;

const { values } = readArguments(USAGE, {
  out: { type: "string" },
  project: { type: "string" },
  url: { type: "string" },
});
const { out, project } = values;
const url = chosenUrl(values.url);
const query = project === undefined ? "" : `?${new URLSearchParams({ project })}`;

/** A file is there whole or not at all. */
async function write(body: ReadableStream): Promise<void> {
  const source = Readable.fromWeb(body as never);
  if (out === undefined) {
    for await (const part of source) if (!process.stdout.write(part)) await once(process.stdout, "drain");
    return;
  }
  const temporary = `${out}.${process.pid}.tmp`;
  try {
    await pipeline(source, createWriteStream(temporary));
    renameSync(temporary, out);
  } finally {
    rmSync(temporary, { force: true });
  }
}

try {
  const token = chosenToken();
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` });
  const response = await fetch(`${url}/api/export/settings.json${query}`, { headers });
  if (response.ok && response.body) await write(response.body);
  else {
    const { errors } = (await response.json()) as { errors: { message: string; extensions: { code: string } }[] };
    fail(errors.map(({ message, extensions }) => `${extensions.code}: ${message}`).join("\n"));
  }
} catch (error) {
  const { message, cause } = error as Error;
  fail(`The settings could not be exported from ${url}: ${cause instanceof Error ? cause.message : message}`);
}
