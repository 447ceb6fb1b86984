/** `npm run import`: makes pools, flavors and queues as a file of settings says. */
import { readFileSync } from "node:fs";
import { createClient, type Document, IsimudError } from "../../clients/typescript/client.ts";
import { splitSettings } from "../operations/settings-file/format.ts";
import type { SettingsChange } from "../operations/settings-file/import.ts";
import { chosenToken, chosenUrl, fail, readArguments, URL_USAGE } from "./arguments.ts";

const USAGE = `npm run import -- FILE [--dry-run] [--no-verify] [--reason TEXT] [--url URL]

Makes pools, flavors and queues as the file says, which npm run export wrote: it creates what is missing, updates
what differs, and deletes nothing. It may be repeated. FILE is - for the standard input.

  --dry-run         change nothing, and say what would be done
  --no-verify       do not connect to the URIs of new and changed pools
  --reason TEXT     why, for the audit log
${URL_USAGE}`;

/** Of a request: its queues, and bytes of their settings. */
const PART = { queues: 500, bytes: 1_048_576 };

type Change = Omit<SettingsChange, "kind" | "action"> & { kind: string; action: "CREATE" | "UPDATE" | "NONE" };
const IMPORT = `mutation ImportSettings($input: ImportSettingsInput!) {
  importSettings(input: $input) {
    changes { kind project name action beforeText afterText done error { code message } }
    unchanged
  }
}` as unknown as Document<{ importSettings: { changes: Change[]; unchanged: number } | null }, { input: object }>;

const { values, positionals } = readArguments(USAGE, {
  "dry-run": { type: "boolean", default: false },
  "no-verify": { type: "boolean", default: false },
  reason: { type: "string" },
  url: { type: "string" },
});
const [path] = positionals;
if (path === undefined || positionals.length > 1) fail(`Name one file.\n\n${USAGE}`);
const dryRun = values["dry-run"];
const url = chosenUrl(values.url);

function read(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    return fail(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** Parts have the same pools and flavors, which are told once. */
const told = new Map<string, Change>();

function tell(change: Change): void {
  const { kind, project, name, action, beforeText, afterText, error } = change;
  const what = `${kind.toLowerCase()} ${project === null ? "" : `${project}/`}${name}`;
  if (told.has(what)) return;
  told.set(what, change);
  if (error !== null) console.log(`failed  ${what}: ${error.code}: ${error.message}`);
  else console.log(`${action.toLowerCase()}  ${what}`);
  if (error !== null || action !== "UPDATE") return;
  console.log(`        - ${beforeText}\n        + ${afterText}`);
}

const client = createClient({ url, token: chosenToken() });
try {
  for (const text of splitSettings(read(path), PART)) {
    const input = { file: { text }, dryRun, verifyPools: !values["no-verify"], reason: values.reason };
    // A repeat changes nothing more.
    const { importSettings } = await client.request(IMPORT, { input }, { repeatable: true, waitMs: 300_000 });
    for (const change of importSettings.changes) tell(change);
  }
} catch (error) {
  if (!(error instanceof IsimudError)) throw error;
  fail(`${error.code}: ${error.message}`);
}
const changes = [...told.values()];
const failed = changes.filter(({ error }) => error !== null).length;
const count = (action: Change["action"]) => changes.filter((one) => one.action === action && one.error === null).length;
const [created, updated] = [count("CREATE"), count("UPDATE")];
console.log(`${dryRun ? "Would be created" : "Created"}: ${created}. Updated: ${updated}. Failed: ${failed}.`);
if (failed > 0) process.exitCode = 1;
