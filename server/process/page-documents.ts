/** The GraphQL documents that the pages send: the build lists them, and the server trusts them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./checkout.ts";

/** They are the same below every base path. */
export const DOCUMENTS_FILE = join(ROOT, ".build", "documents.json");

/** Where `npm run documents` keeps what programs send. */
export function registeredDocuments({ DATA_DIR }: { DATA_DIR: string }): string {
  return join(DATA_DIR, "documents");
}

/** Writes what the present sources send: each is an export of a file named documents.ts. */
export async function writePageDocuments(): Promise<void> {
  const files = ["app", "components"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => basename(name) === "documents.ts")
      .map((name) => join(ROOT, folder, name)),
  );
  // As tsconfig.json has it.
  const hooks = registerHooks({
    resolve: (name, context, next) =>
      next(name.startsWith("@/") ? pathToFileURL(join(ROOT, name.slice(2))).href : name, context),
  });
  const modules = await Promise.all(files.map((file) => import(pathToFileURL(file).href))).finally(() =>
    hooks.deregister(),
  );
  const texts = modules.flatMap((module) => Object.values(module).filter((value) => typeof value === "string"));
  mkdirSync(dirname(DOCUMENTS_FILE), { recursive: true });
  writeFileSync(DOCUMENTS_FILE, JSON.stringify([...new Set(texts)].sort()));
}

/** The texts that were written. None without pages. */
export function readPageDocuments(): string[] {
  return existsSync(DOCUMENTS_FILE) ? (JSON.parse(readFileSync(DOCUMENTS_FILE, "utf8")) as string[]) : [];
}
