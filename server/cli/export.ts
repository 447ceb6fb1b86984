/** `isimud export`: writes pools, flavors, and queues with their settings into a file. */
import { once } from "node:events";
import { createWriteStream, renameSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { CommandError } from "./command-error.ts";
import { whyNotWritten } from "./file-errors.ts";
import { isOutputGone } from "./output.ts";
import { addServiceOptions, openService, type ServiceOptions } from "./running-service.ts";

interface ExportOptions extends ServiceOptions {
  out?: string;
  project?: string;
}

export function addExport(program: Command): void {
  const command = program
    .command("export")
    .summary("Write pools, flavors and queues into a file")
    .description(
      "Writes all pools, flavors, and queues with their settings as one file of JSON, for isimud import. " +
        "The passwords of pools are masked. Messages, claims, subscriptions and keys are not in it. With a token for " +
        "some projects it has only what is theirs.",
    )
    .option("--out <file>", "the file; left out, it goes to the standard output")
    .option("--project <name>", "only the flavors and queues of this project");
  addServiceOptions(command, "read").action(exportSettings);
}

async function exportSettings({ out, project, ...where }: ExportOptions): Promise<void> {
  const service = await openService(where);
  const query = project === undefined ? "" : `?${new URLSearchParams({ project })}`;
  const response = await service.get(`/api/export/settings.json${query}`);
  const source = received(Readable.fromWeb(response.body as never));
  await (out === undefined ? writeOutput(source) : writeFile(source, out));
}

async function* received(body: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new CommandError(`The settings are not exported: the connection broke. ${(error as Error).message}`);
  }
}

async function writeOutput(source: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const part of source) {
      if (isOutputGone()) return;
      if (!process.stdout.write(part)) await once(process.stdout, "drain");
    }
  } catch (error) {
    // Why it is gone is told already.
    if (!isOutputGone()) throw error;
  }
}

/** The file is there whole or not at all. */
async function writeFile(source: AsyncIterable<Uint8Array>, file: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await pipeline(source, createWriteStream(temporary));
    renameSync(temporary, file);
  } catch (error) {
    throw error instanceof CommandError ? error : new CommandError(whyNotWritten(file, error));
  } finally {
    rmSync(temporary, { force: true });
  }
}
