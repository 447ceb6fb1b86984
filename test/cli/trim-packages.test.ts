/** What the image leaves out of npm's packages. test/deploy/image has the rest: that nothing misses it. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { isUnused, trimPackages } from "../../server/cli/trim-packages.ts";

const PACKAGES = dirname(dirname(createRequire(import.meta.url).resolve("next/package.json")));

test("maps, types, other databases and what development loads go, and nothing that runs", () => {
  const folder = mkdtempSync(join(tmpdir(), "isimud-trim-"));
  const files = {
    "a/index.js": true,
    "a/index.js.map": false,
    "a/index.d.ts": false,
    "a/LICENSE": true,
    "a/types/index.d.cts": false,
    "b/map.js": true,
    "next/dist/esm/server/app.js": false,
    "next/dist/server/app.js": true,
  };
  for (const path of Object.keys(files)) {
    mkdirSync(dirname(join(folder, "node_modules", path)), { recursive: true });
    writeFileSync(join(folder, "node_modules", path), "");
  }
  trimPackages(folder);
  const left = Object.keys(files).filter((path) => existsSync(join(folder, "node_modules", path)));
  expect(left).toEqual(Object.entries(files).flatMap(([path, stays]) => (stays ? [path] : [])));
  expect(existsSync(join(folder, "node_modules/a/types"))).toBe(false);
  rmSync(folder, { recursive: true });
});

test("of Prisma's compilers PostgreSQL's stay, and of Next's runtimes those of production", () => {
  const stay = (path: string) => readdirSync(join(PACKAGES, path)).filter((name) => !isUnused(`${path}/${name}`));
  const compilers = stay("@prisma/client/runtime").filter((name) => name.startsWith("query_compiler_"));
  expect(compilers).toContain("query_compiler_fast_bg.postgresql.wasm-base64.mjs");
  expect(compilers.filter((name) => !name.includes(".postgresql."))).toEqual([]);
  const runtimes = stay("next/dist/compiled/next-server");
  expect(runtimes).toContain("app-page-turbo.runtime.prod.js");
  expect(runtimes.filter((name) => name.includes(".dev."))).toEqual([]);
});
