/** The GraphQL documents that the pages send: the build lists them, and the server trusts them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { pagesFolder } from "./pages-folder.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Beside the pages' folder, which Next empties. */
export function documentsFile(basePath: string): string {
  return join(ROOT, ".build", `${basename(pagesFolder(basePath))}.documents.json`);
}

/** Where `npm run documents` keeps what programs send. */
export function registeredDocuments({ DATA_DIR }: { DATA_DIR: string }): string {
  return join(DATA_DIR, "documents");
}

/** Writes what the present sources send: each is an export of a file named documents.ts. */
export async function writePageDocuments(basePath: string): Promise<void> {
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
  const file = documentsFile(basePath);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify([...new Set(texts)].sort()));
}

/** The texts that were written. None without pages. */
export function readPageDocuments(basePath: string): string[] {
  const file = documentsFile(basePath);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as string[]) : [];
}
