import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addDoctor } from "./doctor.ts";
import { addDocuments } from "./documents.ts";
import { addExport } from "./export.ts";
import { addImport } from "./import.ts";
import { addMigrate } from "./migrate.ts";
import { addRotateKey } from "./rotate-key.ts";
import { addStart } from "./start.ts";
import { addToken } from "./token.ts";
import { addUser } from "./user.ts";

/** All commands. Their files import what is heavy only when the command runs, so that help comes at once. */
export function createProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const program = new Command("isimud");
  program
    .description("Isimud, a message-queue service. Settings come from the environment: README.md lists them.")
    .version(version)
    // Errors come to isimud.ts, which knows the exit codes. Commands that are added from here on inherit this.
    .exitOverride();
  addStart(program);
  addExport(program);
  addImport(program);
  addToken(program);
  addUser(program);
  addDocuments(program);
  addRotateKey(program);
  addMigrate(program);
  addDoctor(program);
  return program;
}
