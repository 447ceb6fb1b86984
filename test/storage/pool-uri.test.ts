import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskPoolUri, normalisePoolUri, schemeOf } from "../../server/storage/pool-uri.ts";
import { parsePostgresUri } from "../../server/storage/postgres/sql/address.ts";
import { parseRedisUri } from "../../server/storage/redis/server/address.ts";

const CANARY = "Zq81canary";

describe("the server and namespace that a pool's URI names", () => {
  it.each([
    ["the long or short form of the scheme", "postgres://h/db"],
    ["the scheme's case", "PostgreSQL://h/db"],
    ["a user and password", "postgresql://user:secret@h/db"],
    ["the default port", "postgresql://h:5432/db"],
    ["the host's case", "postgresql://H/db"],
    ["a final dot of the host", "postgresql://h./db"],
    ["the default schema", "postgresql://h/db?schema=public"],
    ["an empty schema", "postgresql://h/db?schema="],
    ["other options", "postgresql://h/db?sslmode=require&application_name=x"],
    ["a final slash", "postgresql://h/db/"],
    ["escapes", "postgresql://h/%64b"],
    ["host and port as options", "postgresql:///db?host=h&port=5432"],
    ["host and port that options replace", "postgresql://x:1/db?host=h&port=5432"],
  ])("is the same whatever %s", (_what, uri) => {
    expect(normalisePoolUri(uri)).toBe(normalisePoolUri("postgresql://h/db"));
  });

  it.each([
    ["host", "postgresql://other/db"],
    ["port", "postgresql://h:5433/db"],
    ["database", "postgresql://h/other"],
    ["case of the database", "postgresql://h/DB"],
    ["schema", "postgresql://h/db?schema=other"],
    ["case of the schema", "postgresql://h/db?schema=Public"],
    ["kind of storage", "redis://h/db"],
  ])("differs with another %s", (_what, uri) => {
    expect(normalisePoolUri(uri)).not.toBe(normalisePoolUri("postgresql://h/db"));
  });

  it("without a database, on PostgreSQL, is the database named after the user", () => {
    expect(normalisePoolUri("postgresql://me:x@h")).toBe(normalisePoolUri("postgresql://h/me"));
    expect(normalisePoolUri("postgresql://me@h/")).not.toBe(normalisePoolUri("postgresql://you@h/"));
  });

  it("are the same for every name of this machine", () => {
    const places = ["localhost", "127.0.0.1", "127.0.1.1", "[::1]", "LOCALHOST", ""].map((host) =>
      normalisePoolUri(`postgresql://${host}/db`),
    );
    expect(new Set(places).size).toBe(1);
    expect(normalisePoolUri("postgresql://[fe80::1]/db")).not.toBe(places[0]);
  });

  it("keeps folders of sockets apart by case", () => {
    const socket = (folder: string) => normalisePoolUri(`postgresql:///db?host=${folder}`);
    expect(socket("/var/run/a")).toBe(normalisePoolUri("postgresql://%2Fvar%2Frun%2Fa/db"));
    expect(socket("/var/run/a")).not.toBe(socket("/var/run/A"));
    expect(socket("/var/run/a")).not.toBe(normalisePoolUri("postgresql://localhost/db"));
  });

  it("are server, database and prefix on Redis", () => {
    expect(normalisePoolUri("redis://h")).toBe(normalisePoolUri("valkeys://u:p@H:6379/0"));
    expect(normalisePoolUri("redis://h/1")).not.toBe(normalisePoolUri("redis://h/0"));
    expect(normalisePoolUri("redis://h?prefix=a")).not.toBe(normalisePoolUri("redis://h"));
    expect(normalisePoolUri("redis://h/a")).toBe(normalisePoolUri("redis://h/0?prefix=a"));
    expect(normalisePoolUri("redis://h/a")).not.toBe(normalisePoolUri("redis://h/1?prefix=a"));
    expect(normalisePoolUri("redis://h/isimud?cluster=true")).toBe(normalisePoolUri("redis://h"));
  });

  it("differ for texts that are no URI, and are never an error", () => {
    const places = ["", "localhost:76553", "3", "postgresql://h:99999/db", "postgresql://h:x", "a b"].map(
      normalisePoolUri,
    );
    expect(new Set(places).size).toBe(places.length);
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof normalisePoolUri(text) === "string"));
  });

  it("contain no password", () => {
    for (const scheme of ["postgresql", "redis", "other"]) {
      expect(normalisePoolUri(`${scheme}://user:${CANARY}@h/db`)).not.toContain(CANARY);
    }
    expect(normalisePoolUri(`postgresql://h/db?password=${CANARY}`)).not.toContain(CANARY);
  });
});

describe("a URI of PostgreSQL", () => {
  const plain = {
    host: "h",
    port: 5432,
    user: "u",
    password: "",
    database: "d",
    schema: "public",
    tls: "off",
  };
  it.each([
    ["postgres://u@h/d", {}],
    ["postgresql://u:p%40%2F%25@H:6543/d?schema=s", { host: "H", port: 6543, password: "p@/%", schema: "s" }],
    ["postgresql://u:50%off@h/d", { password: "50%off" }],
    ["postgresql://u@h", { database: "u" }],
    ["postgresql://u@[::1]/d%20e", { host: "::1", database: "d e" }],
    ["postgresql://u@localhost:1/d?host=/run/pg&port=2", { host: "/run/pg", port: 2 }],
    ["postgresql://u@%2Frun%2Fpg/d", { host: "/run/pg" }],
    ["postgresql://u@h/d?sslmode=require", { tls: "checked" }],
    ["postgresql://u@h/d?sslmode=no-verify", { tls: "unchecked" }],
  ])("reads %s", (uri, place) => {
    expect(parsePostgresUri(uri)).toEqual({ ...plain, ...place });
  });

  it.each([
    "sslrootcert=/dev/zero",
    "sslcert=/etc/passwd",
    "sslkey=/etc/passwd",
    "sslmode=prefer",
    "ssl=true",
    "uselibpqcompat=true",
    "options=-c%20statement_timeout%3D0",
    "statement_timeout=0",
    "hostaddr=10.0.0.1",
    "passfile=/etc/passwd",
    "service=x",
    "user=x",
    "password=x",
    "application_name=x",
    "schema=a-b",
    "schema=pg_own",
    "schema=a%22b",
    "port=0",
    "port=1e3",
  ])("refuses the option %s", (option) => {
    expect(() => parsePostgresUri(`postgres://u:p@h/d?${option}`)).toThrow(/^This URI cannot be used: /);
  });

  it("must name a user, so that the environment does not choose one", () => {
    expect(() => parsePostgresUri("postgres://h/d")).toThrow("must name a user");
  });
});

describe("a URI of Redis", () => {
  it.each(["cluster=yes", "tls=false", "prefix=a%20b", "prefix={a}"])("refuses the option %s", (option) => {
    expect(() => parseRedisUri(`redis://h?${option}`)).toThrow(/^This URI cannot be used: /);
  });
  it("has a database number that Redis accepts", () => {
    expect(parseRedisUri("redis://h/15").database).toBe(15);
    expect(() => parseRedisUri("redis://h/99999999999")).toThrow("a database is a number from 0 to");
  });
});

describe("a text that is no URI, or hardly the one that was meant, is refused and not quoted", () => {
  it.each([
    `u:${CANARY}@h:99999/d`,
    `u:${CANARY}@h:0/d`,
    `u:${CANARY}@h:x/d`,
    `u:${CANARY}/x@h/d`,
    `u:1/${CANARY}@h/d`,
    `u:1#${CANARY}@h/d`,
    `u:1?${CANARY}@h/d`,
    `u:${CANARY} x@h/d`,
    `u:${CANARY}@h/d%00options%00-c`,
    `u:${CANARY}@h/d\n`,
    `u:${CANARY}@/d`,
    `u@h/d?password=${CANARY}`,
  ])("%s", (rest) => {
    for (const parse of [() => parsePostgresUri(`postgres://${rest}`), () => parseRedisUri(`redis://${rest}`)]) {
      expect(parse).toThrow(expect.objectContaining({ code: "BAD_INPUT" }));
      expect(parse).not.toThrow(CANARY);
    }
  });

  it("any text is parsed or refused with BAD_INPUT", () => {
    const part = fc.string({ unit: fc.constantFrom(..."ab1/?#@:%&=[]. é\0") });
    fc.assert(
      fc.property(part, (text) => {
        for (const parse of [() => parsePostgresUri(`postgres://${text}`), () => parseRedisUri(`redis://${text}`)]) {
          try {
            parse();
          } catch (error) {
            expect(error).toMatchObject({ code: "BAD_INPUT" });
          }
        }
      }),
    );
  });
});

describe("a pool's URI for people", () => {
  it.each([
    ["postgresql://user:secret@host:5433/db?schema=a", "postgresql://user:***@host:5433/db?schema=a"],
    ["redis://:secret@host", "redis://:***@host"],
    ["valkeys://u:secret@host/jobs?cluster=true", "valkeys://u:***@host/jobs?cluster=true"],
    ["postgresql://host/db", "postgresql://host/db"],
    ["postgresql://user@host/db", "postgresql://user@host/db"],
    [
      "postgresql://h/db?sslmode=require&password=x&token=y",
      "postgresql://h/db?sslmode=require&password=***&token=***",
    ],
    ["postgresql:///db?host=/var/run", "postgresql:///db?host=%2Fvar%2Frun"],
  ])("shows %s as %s", (uri, masked) => {
    expect(maskPoolUri(uri)).toBe(masked);
  });

  it("hides everything when it cannot parse the text", () => {
    for (const text of [
      CANARY,
      `user:${CANARY}@host`,
      `postgresql:${CANARY}`,
      `postgresql://u:${CANARY}@h:99999/`,
      "",
    ]) {
      expect(maskPoolUri(text)).toBe("***");
    }
  });

  it("never shows a password, wherever it stands", () => {
    const part = fc.string({ unit: fc.constantFrom(..."ab/?#@:%&= é") });
    fc.assert(
      fc.property(part, part, fc.constantFrom("password", "sslkey", "x", "Schema"), (before, after, option) => {
        const secret = `${encodeURIComponent(before)}${CANARY}${encodeURIComponent(after)}`;
        expect(maskPoolUri(`postgresql://user:${secret}@host/db?${option}=${secret}`)).not.toContain(CANARY);
      }),
    );
  });
});

it("a pool's URI begins with its scheme", () => {
  expect(schemeOf("PostgreSQL://h")).toBe("postgresql");
  expect(schemeOf("file:/etc/passwd")).toBeNull();
  expect(schemeOf("localhost:1")).toBeNull();
  expect(schemeOf("")).toBeNull();
  expect(schemeOf("postgres://h:99999")).toBe("postgres");
});
