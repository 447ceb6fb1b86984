/**
 * Who may import whom, read from the import lines. The drawing is in docs/architecture.md; a failure says what to do
 * instead.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

interface Import {
  from: string;
  /** A path from the root, or a package's name. */
  to: string;
  typeOnly: boolean;
}

const FILES = ["server", "prisma", "app", "components", "clients"]
  .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && /\.(ts|tsx|mjs)$/.test(entry.name))
  .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
  .filter((file) => !file.startsWith("prisma/generated/"));

const TEXTS = new Map(FILES.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]));
const IMPORTS = FILES.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const text = TEXTS.get(file) ?? "";
  const statements = [
    // import x from "y"; import type x from "y"; export x from "y"; import "y"
    ...text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']/gm),
    ...text.matchAll(/(?<!\w)()import\(\s*["']([^"']+)["']/g),
  ];
  return statements.map((match) => {
    const [statement, type, specifier = ""] = match;
    const named = /\{([^}]*)\}/.exec(statement)?.[1];
    const onlyTypes =
      named !== undefined &&
      !/^(?:import|export)\s+\w+\s*,/.test(statement) &&
      named.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type "));
    return { from: file, to: resolveSpecifier(file, specifier), typeOnly: type !== undefined || onlyTypes };
  });
}

function resolveSpecifier(file: string, specifier: string): string {
  if (specifier.startsWith(".")) return posix.normalize(posix.join(dirname(file), specifier));
  if (specifier.startsWith("@/")) return specifier.slice(2);
  return specifier;
}

/** "a.ts -> b.ts" for each import that breaks a rule. */
function broken(rule: (one: Import) => boolean): string[] {
  return IMPORTS.filter(rule).map((one) => `${one.from} -> ${one.to}`);
}

/** Whether a path is one of these, or in one of these folders. Each must exist: a rule about nothing checks nothing. */
const isIn = (...folders: string[]) => {
  for (const folder of folders) {
    if (!existsSync(join(ROOT, folder)) && !FILES.some((file) => file.startsWith(folder)))
      throw new Error(`No ${folder}`);
  }
  return (path: string) => folders.some((folder) => path === folder || path.startsWith(folder));
};

/** What puts the parts together and what runs before there are any. */
const isProgram = isIn(
  "server/bootstrap.ts",
  "server/main.ts",
  "server/cli/",
  "server/process/reach-database.ts",
  "prisma/seed.ts",
);

test("there is something to check", () => {
  expect(FILES.length).toBeGreaterThan(40);
  expect(IMPORTS.length).toBeGreaterThan(150);
  expect(IMPORTS.some((one) => one.typeOnly)).toBe(true);
});

describe("arrows", () => {
  const drivers = ["postgres", "redis", "pooling"].map((name) => `server/storage/${name}/`);

  test.each(drivers)(
    "%s imports no other driver: what both need belongs beside the interfaces in server/storage/",
    (driver) => {
      const others = isIn(...drivers.filter((other) => other !== driver));
      expect(broken(({ from, to }) => from.startsWith(driver) && others(to))).toEqual([]);
    },
  );

  test("only server/bootstrap.ts knows concrete drivers: take a ControlDriver or a DataDriver as a parameter", () => {
    const concrete = isIn("server/storage/postgres/", "server/storage/redis/", "server/storage/pooling/");
    // Tables are a matter of the database itself; the stores beside the drivers connect and translate errors as they
    // do; settings are checked before anything is opened.
    const mayToo = isIn(
      "server/storage/",
      "prisma/migrate.ts",
      "server/kvs/postgres.ts",
      "server/kvs/redis.ts",
      "server/kvs/redis-scripts.ts",
      "server/access/accounts/",
      "server/jobs/dry-run-store.ts",
      "server/jobs/store.ts",
      "server/history/consumer-store.ts",
      "server/history/health-store.ts",
      "server/history/sample-store.ts",
      "server/problems/store.ts",
      "server/config.ts",
    );
    expect(broken(({ from, to, typeOnly }) => concrete(to) && !typeOnly && !isProgram(from) && !mayToo(from))).toEqual(
      [],
    );
  });

  test("the client for programs needs nothing but fetch: types may come from gql.tada and the schema", () => {
    const own = isIn("clients/typescript/");
    expect(broken(({ from, to, typeOnly }) => own(from) && !own(to) && !typeOnly)).toEqual([]);
  });

  test("doors reach drivers through operations: add to server/operations/ what is missing", () => {
    const doors = isIn("server/graphql/", "server/http/");
    const behind = isIn("server/storage/", "server/kvs/");
    // The interfaces have a few constants, such as the names of capabilities.
    const interfaces = isIn("server/storage/control-driver.ts", "server/storage/data-driver.ts");
    expect(broken(({ from, to, typeOnly }) => doors(from) && behind(to) && !interfaces(to) && !typeOnly)).toEqual([]);
  });

  test("operations know no door: give back records, and let the door translate them", () => {
    const doors = isIn("server/graphql/", "server/http/", "app/", "components/");
    expect(broken(({ from, to }) => from.startsWith("server/operations/") && doors(to))).toEqual([]);
  });

  test("drivers know neither operations nor doors", () => {
    const above = isIn("server/operations/", "server/graphql/", "server/http/", "app/", "components/");
    expect(broken(({ from, to }) => isIn("server/storage/", "server/kvs/")(from) && above(to))).toEqual([]);
  });

  test("only server/access reads what says who somebody is: ask the Access of the request", () => {
    const readers = isIn(
      "server/access/",
      // It hands the cookie on to server/access, which signs people in and out.
      "server/http/auth-routes.ts",
      // It sends what the person at the terminal gave it.
      "server/cli/",
    );
    const credential =
      /\bheaders(\?\.|\.|\[["'`])(cookie|authorization)\b|\{[^{}]*\b(cookie|authorization)\b[^{}]*\} = [\w.]*headers\b|\bcookies\(\)|\.get\(["'`](cookie|authorization)["'`]\)/i;
    const found = FILES.filter((file) => !readers(file) && !file.startsWith("clients/"))
      .flatMap((file) => (TEXTS.get(file) ?? "").split("\n").map((line) => ({ file, line })))
      .filter(({ line }) => credential.test(line))
      // This cookie says that somebody has just acted, and nothing about who it was.
      .filter(({ line }) => !line.includes("ACTED_COOKIE.test(request.headers.cookie"));
    expect(found).toEqual([]);
    const known = ["server/access/accounts/sessions.ts", "server/access/credentials.ts"];
    for (const file of known) expect(TEXTS.get(file), file).toMatch(credential);
  });

  test("Next has no middleware, which was passed by more than once: server/access decides before Next is asked", () => {
    const names = /^(app\/|src\/)?(middleware|proxy)\.\w+$/;
    const atRoot = readdirSync(ROOT).filter((name) => names.test(name));
    expect([...atRoot, ...FILES.filter((file) => names.test(file))]).toEqual([]);
  });

  test("pages import nothing of the server at run time: Next would bundle a second engine. Execute a document instead", () => {
    const pages = isIn("app/", "components/");
    expect(broken(({ from, to, typeOnly }) => pages(from) && isIn("server/", "prisma/")(to) && !typeOnly)).toEqual([]);
  });

  test("the server knows no pages: what both need is a fact that the API tells", () => {
    const pages = isIn("app/", "components/");
    expect(broken(({ from, to }) => from.startsWith("server/") && pages(to))).toEqual([]);
  });

  test("components take props and do not know the pages", () => {
    expect(broken(({ from, to }) => from.startsWith("components/") && to.startsWith("app/"))).toEqual([]);
  });

  test("server components import only components from client files: of other values they would get a reference", () => {
    const isClient = (file: string) => TEXTS.get(file)?.startsWith('"use client"') === true;
    const values = FILES.filter((file) => /^(app|components)\//.test(file) && !isClient(file)).flatMap((file) =>
      [...(TEXTS.get(file) ?? "").matchAll(/^import \{([^}]*)\} from "([^"]+)"/gm)]
        .filter(([, , specifier = ""]) => isClient(resolveSpecifier(file, specifier)))
        .flatMap(([, names = ""]) => names.split(",").map((name) => name.trim()))
        // A component's name begins with a capital and has small letters.
        .filter((name) => name !== "" && !name.startsWith("type ") && !/^[A-Z][a-z]/.test(name))
        .map((name) => `${file}: ${name}`),
    );
    expect(values).toEqual([]);
  });

  test("components/ui knows nothing of queues: hand it in as a prop", () => {
    const outside = (to: string) => /^(app|components|server|prisma)\//.test(to) && !to.startsWith("components/ui/");
    expect(broken(({ from, to }) => from.startsWith("components/ui/") && outside(to))).toEqual([]);
  });
});

describe("packages", () => {
  test("pg and Prisma stay with the storage: use a driver, or add to it", () => {
    const allowed = isIn(
      "prisma/",
      "server/storage/postgres/",
      "server/kvs/postgres.ts",
      "server/access/",
      "server/jobs/dry-run-store.ts",
      "server/jobs/store.ts",
      "server/history/consumer-store.ts",
      "server/history/health-store.ts",
      "server/history/sample-store.ts",
      "server/problems/store.ts",
      // Asks the server that it started whether it is up.
      "server/embedded-postgres/",
    );
    const isDatabase = (to: string) => to === "pg" || to.startsWith("@prisma/") || to.startsWith("prisma/generated");
    expect(broken(({ from, to }) => isDatabase(to) && !allowed(from))).toEqual([]);
  });

  test("the client of Redis stays with its driver and the key-value store's backend: use a driver, or add to it", () => {
    const allowed = isIn("server/storage/redis/", "server/kvs/redis.ts");
    const isClient = (to: string) => to === "redis" || to.startsWith("@redis/");
    expect(broken(({ from, to }) => isClient(to) && !allowed(from))).toEqual([]);
  });

  test("OpenTelemetry stays in server/tracing, which is loaded only when there is a collector", () => {
    const isOpenTelemetry = (to: string) => to.startsWith("@opentelemetry/");
    const own = isIn("server/tracing/");
    const entry = "server/tracing/open.ts";
    const loads = (from: string, to: string) => own(to) && (from === entry || (!own(from) && to !== entry));
    const wrong = broken(
      ({ from, to, typeOnly }) =>
        !typeOnly && (loads(from, to) || (isOpenTelemetry(to) && (!own(from) || from === entry))),
    );
    expect(wrong).toEqual([]);
    // Dynamic imports break no rule here.
    expect(TEXTS.get(entry)).toContain('await import("./start.ts")');
  });

  test("GraphQL stays in its door", () => {
    const isGraphQL = (to: string) => /^(graphql|@apollo\/server|@pothos\/.*)$/.test(to);
    // The explorer is GraphiQL, a client. The sheet of a page prints what the page sent.
    const sheet = ["components/ui/curl.ts", "components/ui/graphql-text.ts"];
    const allowed = isIn("server/graphql/", "app/graphql/", "components/explorer", ...sheet);
    expect(broken(({ from, to, typeOnly }) => isGraphQL(to) && !allowed(from) && !typeOnly)).toEqual([]);
  });
});

describe("text", () => {
  const hits = (pattern: RegExp, ...allowed: string[]) =>
    FILES.filter((file) => !isIn(...allowed)(file) && pattern.test(TEXTS.get(file) ?? ""));

  test("process.env is read in server/config.ts only: add a setting there", () => {
    // The others pass it on, to prisma and to the program; a name that begins with NEXT_PUBLIC_ is replaced at
    // build.
    const allowed = ["server/config.ts", "prisma/generate.ts", "server/cli/check-node.mjs", "server/cli/launch.mjs"];
    expect(hits(/process\.env(?!\.NEXT_PUBLIC_)/, ...allowed)).toEqual([]);
  });

  test("every link is the one of components/ui, which fetches nothing ahead", () => {
    expect(broken(({ from, to }) => to === "next/link" && from !== "components/ui/link.tsx")).toEqual([]);
  });

  test("zod comes from components/zod.ts, which keeps it from eval", () => {
    const pages = isIn("app/", "components/");
    expect(broken(({ from, to }) => pages(from) && to === "zod" && from !== "components/zod.ts")).toEqual([]);
  });

  test("only components/ui/refresh.tsx refreshes, because it asks the server first: call what useRefresh gives", () => {
    expect(hits(/router\.refresh\(/, "components/ui/refresh.tsx")).toEqual([]);
  });

  test("SQL has parameters and pages have text nodes", () => {
    expect(hits(/\$queryRawUnsafe|\$executeRawUnsafe|dangerouslySetInnerHTML/)).toEqual([]);
  });

  test("no file is named after nothing: name it after what it does", () => {
    expect(FILES.filter((file) => /(^|\/)(utils?|helpers?|common|manager|services?|types)\.tsx?$/.test(file))).toEqual(
      [],
    );
  });

  test("no file only passes on what others export: import from where it is made", () => {
    const barrels = FILES.filter((file) => {
      const lines = (TEXTS.get(file) ?? "").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "").trim();
      return (
        lines !== "" && lines.split(";").every((line) => /^\s*(export\s+(\*|type\s*\{|\{)[^=]*from\s|$)/.test(line))
      );
    });
    expect(barrels).toEqual([]);
  });

  test("no file is so long that it needs a table of contents", () => {
    expect(FILES.filter((file) => (TEXTS.get(file) ?? "").split("\n").length > 450)).toEqual([]);
  });
});

test("nothing imports itself round a circle, types included: move what both need to a third file", () => {
  const next = new Map<string, string[]>();
  for (const one of IMPORTS) {
    if (TEXTS.has(one.to)) next.set(one.from, [...(next.get(one.from) ?? []), one.to]);
  }
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (file: string, path: string[]) => {
    const at = path.indexOf(file);
    if (at >= 0) {
      circles.push([...path.slice(at), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const to of next.get(file) ?? []) walk(to, [...path, file]);
    done.add(file);
  };
  for (const file of FILES) walk(file, []);
  expect(circles).toEqual([]);
});
