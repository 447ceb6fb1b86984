/** How much script each page loads before anything can be used, from the manifests of a build. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUILT = join(import.meta.dirname, "../../.next");

interface Manifest {
  clientModules: Record<string, { chunks: string[] }>;
}

/** Bytes of compressed script by the page's name, such as "/pools/[name]/page". The pages must be built. */
export function scriptBytesOfPages(): Map<string, number> {
  const sizes = new Map<string, number>();
  const sizeOf = (script: string) => {
    const known = sizes.get(script) ?? gzipSync(readFileSync(join(BUILT, script))).length;
    sizes.set(script, known);
    return known;
  };
  const bytes = (scripts: Set<string>) => [...scripts].reduce((sum, script) => sum + sizeOf(script), 0);
  return new Map([...scriptsOfPages()].map(([name, scripts]) => [name, bytes(scripts)]));
}

/** Those of every page, and those of the client components that a page may render at once. */
function scriptsOfPages(): Map<string, Set<string>> {
  const { rootMainFiles } = JSON.parse(readFileSync(join(BUILT, "build-manifest.json"), "utf8"));
  const folder = join(BUILT, "server/app");
  const pages = new Map<string, Set<string>>();
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith("client-reference-manifest.js")) continue;
    const [, name = "", json = ""] =
      /__RSC_MANIFEST\["([^"]+)"\] = (.*?);?\s*$/s.exec(readFileSync(join(folder, file), "utf8")) ?? [];
    const { clientModules }: Manifest = JSON.parse(json);
    const chunks = Object.values(clientModules).flatMap((module) => module.chunks);
    pages.set(name, new Set([...rootMainFiles, ...chunks.map((chunk) => chunk.replace(/^\/_next\//, ""))]));
  }
  return pages;
}
