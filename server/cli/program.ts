import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { ROOT } from "../process/checkout.ts";
import { addDoctor } from "./doctor.ts";
import { addDocuments } from "./documents.ts";
import { addDrain } from "./drain.ts";
import { addExport } from "./export.ts";
import { addImport } from "./import.ts";
import { addMigrate } from "./migrate.ts";
import { addPost } from "./post.ts";
import { addQueues } from "./queues.ts";
import { addRotateKey } from "./rotate-key.ts";
import { addStart } from "./start.ts";
import { addTail } from "./tail.ts";
import { addToken } from "./token.ts";
import { addUser } from "./user.ts";

const EXIT_CODES = `
It ends with 0 when the command is done, 1 when it failed, 2 when it was called
wrongly or the settings are wrong, and 130 when Ctrl-C broke it off.`;

/** All commands. Their files import what is heavy only when the command runs, so that help comes at once. */
export function createProgram(): Command {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const program = new Command("isimud");
  program
    .description("Isimud, a message-queue service. Settings come from the environment: README.md lists them.")
    .version(version)
    .addHelpText("after", EXIT_CODES)
    // Errors come to isimud.ts, which knows the exit codes. Commands that are added from here on inherit this.
    .exitOverride();
  program.commandsGroup("The service:");
  addStart(program);
  addDoctor(program);
  addMigrate(program);
  program.commandsGroup("Queues, over HTTP:");
  addQueues(program);
  addTail(program);
  addPost(program);
  addDrain(program);
  addExport(program);
  addImport(program);
  program.commandsGroup("Who may do what, and keys, on the database and DATA_DIR:");
  addToken(program);
  addUser(program);
  addDocuments(program);
  addRotateKey(program);
  return program;
}
