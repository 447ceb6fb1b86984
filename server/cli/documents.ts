/**
 * `isimud documents`: registers the GraphQL documents of programs. A program may send a document's id as `documentId`
 * instead of its text, and with TRUSTED_DOCUMENTS=on only these and those of the pages run. They are files in
 * DATA_DIR/documents: another machine needs a copy of that folder. A running service sees a change within a second.
 */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { CommandError } from "./command-error.ts";
import { readText } from "./input.ts";
import { inLine, print, printJson } from "./output.ts";

interface Registered {
  id: string;
  operations: string[];
}

export function addDocuments(program: Command): void {
  const documents = program
    .command("documents")
    .summary("Register the GraphQL documents of programs")
    .description(
      "Registers the GraphQL documents of programs, in DATA_DIR. A running service sees it within a second.",
    );
  documents
    .command("add")
    .description("Register the document in each file, and print its id.")
    .argument("<file...>")
    .option("--json", "print JSON")
    .action(async (files: string[], { json }: { json?: boolean }) => show(await addFiles(files), json));
  documents
    .command("list")
    .description("List the ids of all, with the names of their operations.")
    .option("--json", "print JSON")
    .action(async ({ json }: { json?: boolean }) => show(await list(), json));
  documents
    .command("remove")
    .description("Remove documents by their ids.")
    .argument("<id...>")
    .option("--json", "print JSON")
    .action(remove);
}

async function folder(): Promise<string> {
  const { readConfig } = await import("../config.ts");
  const { registeredDocuments } = await import("../process/page-documents.ts");
  return registeredDocuments(readConfig());
}

const fileOf = (id: string) => `${id.replace(/^sha256:/, "")}.graphql`;

/** Checks all of them before it registers the first. */
async function addFiles(files: readonly string[]): Promise<Registered[]> {
  const { checkDocument, operationNames } = await import("../graphql/http/check-document.ts");
  const { documentId } = await import("../graphql/http/trusted-documents.ts");
  const { writeDurably } = await import("../process/durable-file.ts");
  const into = await folder();
  const texts: string[] = [];
  for (const file of files) {
    const text = (await readText(file)).trim();
    try {
      checkDocument(text);
      texts.push(text);
    } catch (error) {
      throw new CommandError(`${file}: ${error instanceof Error ? error.message : error}`);
    }
  }
  mkdirSync(into, { recursive: true, mode: 0o700 });
  return texts.map((text) => {
    const id = documentId(text);
    writeDurably(join(into, fileOf(id)), text);
    return { id, operations: operationNames(text) };
  });
}

async function list(): Promise<Registered[]> {
  const { operationNames } = await import("../graphql/http/check-document.ts");
  const { documentId, readTexts } = await import("../graphql/http/trusted-documents.ts");
  const texts = await readTexts(await folder());
  return texts.map((text) => ({ id: documentId(text), operations: operationNames(text) }));
}

async function remove(ids: readonly string[], { json }: { json?: boolean }): Promise<void> {
  const wrong = ids.find((id) => !/^(sha256:)?[0-9a-f]{64}$/.test(id));
  if (wrong !== undefined) throw new CommandError(`This is no id of a document: ${wrong}`, 2);
  const from = await folder();
  const unknown = ids.find((id) => !existsSync(join(from, fileOf(id))));
  if (unknown !== undefined) throw new CommandError(`There is no document with the id ${unknown}. Nothing is removed.`);
  for (const id of ids) rmSync(join(from, fileOf(id)), { force: true });
  if (json) printJson({ removed: ids });
}

function show(documents: readonly Registered[], json: boolean | undefined): void {
  if (json) printJson(documents);
  else for (const { id, operations } of documents) print(`${id}  ${operations.map(inLine).join(", ")}`);
}
