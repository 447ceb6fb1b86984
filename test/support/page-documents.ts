/** The GraphQL documents and fragments of pages and their parts. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** Files below app and components, as paths from the top. */
export const PAGE_FILES: readonly string[] = ["app", "components"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
);

/** All that the files of this name export, as texts. */
export async function textsOf(
  fileName: "documents.ts" | "fragments.ts",
): Promise<{ file: string; name: string; text: string }[]> {
  const found = PAGE_FILES.filter((file) => file.endsWith(`/${fileName}`));
  const modules = await Promise.all(found.map((file) => import(join(ROOT, file))));
  return modules.flatMap((module, index) =>
    Object.entries(module).map(([name, text]) => ({ file: String(found[index]), name, text: String(text) })),
  );
}
