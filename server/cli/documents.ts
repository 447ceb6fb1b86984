/**
 * `npm run documents`: registers the GraphQL documents of programs. A program may send a document's id as `documentId`
 * instead of its text, and with TRUSTED_DOCUMENTS=on only these and those of the pages run. They are files in
 * DATA_DIR/documents: another machine needs a copy of that folder. A running service sees a change within a second.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "../config.ts";
import { checkDocument, operationNames } from "../graphql/http/check-document.ts";
import { documentId, readTexts } from "../graphql/http/trusted-documents.ts";
import { writeDurably } from "../process/durable-file.ts";
import { registeredDocuments } from "../process/page-documents.ts";
import { fail, readArguments } from "./arguments.ts";

const USAGE = `Usage: npm run documents -- add FILE...    registers the document in each file, and prints its id
       npm run documents -- list           the ids of all, with the names of their operations
       npm run documents -- remove ID...`;

const { positionals } = readArguments(USAGE, {});
const [command, ...given] = positionals;
const folder = registeredDocuments(readConfig());
const fileOf = (id: string) => join(folder, `${id.replace(/^sha256:/, "")}.graphql`);

function read(file: string): string {
  try {
    const text = readFileSync(file, "utf8").trim();
    checkDocument(text);
    return text;
  } catch (error) {
    return fail(`${file}: ${error instanceof Error ? error.message : error}`);
  }
}

function add(file: string): void {
  const text = read(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const id = documentId(text);
  writeDurably(fileOf(id), text);
  console.log(`${id}  ${operationNames(text).join(", ")}`);
}

if (command === "add" && given.length > 0) for (const file of given) add(file);
else if (command === "list" && given.length === 0) {
  for (const text of await readTexts(folder)) console.log(`${documentId(text)}  ${operationNames(text).join(", ")}`);
} else if (command === "remove" && given.length > 0) {
  for (const id of given) {
    if (!/^(sha256:)?[0-9a-f]{64}$/.test(id)) fail(`This is no id of a document: ${id}`);
    rmSync(fileOf(id), { force: true });
  }
} else fail(USAGE);
