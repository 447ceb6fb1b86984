/** What `buildPages` refuses: builds that no copy for a base path could serve. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkBuild } from "../../server/cli/build.ts";
import { PLACEHOLDER } from "../../server/process/pages-folder.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "isimud-build-"));
  mkdirSync(join(folder, "node_modules"));
  writeFileSync(join(folder, "page.js"), `let p="${PLACEHOLDER}",n=p.length`);
  writeFileSync(join(folder, "page.rsc"), `2:"${PLACEHOLDER}/_next/x.js"\n3:I[1,["$2"],"default"]`);
});

afterEach(() => rmSync(folder, { recursive: true }));

test("a build in which only the path itself is written can be copied", () => {
  writeFileSync(join(folder, "other.js"), `n=${PLACEHOLDER.length}`);
  expect(() => checkBuild(folder)).not.toThrow();
});

test.each([
  ["page.js", `p.startsWith("${PLACEHOLDER}")?p.slice(${PLACEHOLDER.length}):p`],
  ["page.rsc", `2:"x"\n3:T${PLACEHOLDER.length.toString(16)},${PLACEHOLDER}`],
  ["page.html", `<script>self.__next_f.push([1,"2:T4b0,${PLACEHOLDER}"])</script>`],
  ["page.html", `<script>self.__next_f.push([1,"1:x\\n2:T4b0,${PLACEHOLDER}"])</script>`],
])("a build that depends on the length of the path is refused: %s with %s", (name, text) => {
  writeFileSync(join(folder, name), text);
  expect(() => checkBuild(folder)).toThrow(`into ${name}: no other one can replace it`);
});

test("a build with links to packages is refused", () => {
  symlinkSync("../../node_modules/graphql", join(folder, "node_modules/graphql-0123456789abcdef"));
  expect(() => checkBuild(folder)).toThrow("graphql-0123456789abcdef");
});
