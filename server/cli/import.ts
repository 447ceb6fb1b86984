/** `isimud import`: makes pools, flavors and queues as a file of settings says. */
import type { Command } from "commander";
import type { ResultOf } from "gql.tada";
import type { Answer } from "../../clients/typescript/client.ts";
import { readText } from "./input.ts";
import { inLine, print, printJson, tell } from "./output.ts";
import { addServiceOptions, openService, type ServiceOptions } from "./running-service.ts";
import { IMPORT_SETTINGS } from "./service-documents.ts";

interface ImportOptions extends ServiceOptions {
  dryRun?: boolean;
  verify: boolean;
  reason?: string;
  json?: boolean;
}

/** A repeat changes nothing more. */
const REPEATS = 3;
/** Of a request: its queues, and bytes of their settings. */
const PART = { queues: 500, bytes: 1_048_576 };

type Change = Answer<ResultOf<typeof IMPORT_SETTINGS>>["importSettings"]["changes"][number];

export function addImport(program: Command): void {
  const command = program
    .command("import")
    .summary("Make pools, flavors and queues as a file says")
    .description(
      "Makes pools, flavors and queues as the file says, which isimud export wrote: creates what is missing, updates " +
        "what differs, and deletes nothing. It may be repeated.",
    )
    .argument("<file>", "the file; - for the standard input")
    .option("--dry-run", "change nothing, and say what would be done")
    .option("--no-verify", "do not connect to the URIs of new and changed pools")
    .option("--reason <text>", "why, for the audit log")
    .option("--json", "print the changes as JSON");
  addServiceOptions(command, "administer").action(importSettings);
}

async function importSettings(file: string, options: ImportOptions): Promise<void> {
  const { dryRun = false, verify, reason, json } = options;
  const { splitSettings } = await import("../operations/settings-file/format.ts");
  const service = await openService(options, REPEATS);
  // Parts have the same pools and flavors, which are told once.
  const told = new Map<string, Change>();
  const texts = splitSettings(await readText(file), PART);
  try {
    for (const text of texts) {
      const input = { file: { text }, dryRun, verifyPools: verify, reason };
      const { importSettings: done } = await service.request(
        IMPORT_SETTINGS,
        { input },
        { repeatable: true, waitMs: 300_000 },
      );
      for (const change of done.changes) {
        const what = nameOf(change);
        if (told.has(what)) continue;
        told.set(what, change);
        if (!json) for (const line of lines(inLine(what), change)) print(line);
      }
    }
  } catch (error) {
    // What came before is done.
    if (told.size > 0) summarize([...told.values()], options);
    throw error;
  }
  summarize([...told.values()], options);
}

function summarize(changes: readonly Change[], { dryRun = false, json = false }: ImportOptions): void {
  const failed = changes.filter(({ error }) => error !== null).length;
  const count = (action: Change["action"]) =>
    changes.filter((one) => one.action === action && one.error === null).length;
  const [created, updated] = [count("CREATE"), count("UPDATE")];
  if (json) printJson({ dryRun, created, updated, failed, changes });
  else if (dryRun) print(`Would be created: ${created}. Would be updated: ${updated}. Failed: ${failed}.`);
  else print(`Created: ${created}. Updated: ${updated}. Failed: ${failed}.`);
  if (failed > 0) {
    tell(`${failed} of ${changes.length} failed. Correct them and import again: what is done stays as it is.`);
    process.exitCode = 1;
  }
}

const nameOf = ({ kind, project, name }: Change) =>
  `${kind.toLowerCase()} ${project === null ? "" : `${project}/`}${name}`;

function lines(what: string, { action, beforeText, afterText, error }: Change): string[] {
  if (error !== null) return [`failed  ${what}: ${error.code}: ${inLine(error.message)}`];
  const line = `${action.toLowerCase()}  ${what}`;
  return action === "UPDATE" ? [line, `        - ${beforeText}`, `        + ${afterText}`] : [line];
}
