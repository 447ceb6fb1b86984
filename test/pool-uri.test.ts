import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskPoolUri, normalisePoolUri, schemeOf } from "../server/storage/pool-uri.ts";

const CANARY = "Zq81canary";

describe("the place that a pool's URI names", () => {
  it.each([
    ["the other spelling of the scheme", "postgres://h/db"],
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
  ])("is another one with another %s", (_what, uri) => {
    expect(normalisePoolUri(uri)).not.toBe(normalisePoolUri("postgresql://h/db"));
  });

  it("of PostgreSQL without a database is the one named after the user", () => {
    expect(normalisePoolUri("postgresql://me:x@h")).toBe(normalisePoolUri("postgresql://h/me"));
    expect(normalisePoolUri("postgresql://me@h/")).not.toBe(normalisePoolUri("postgresql://you@h/"));
  });

  it("counts the forms of this machine as one", () => {
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

  it("of Redis is server, database and prefix", () => {
    expect(normalisePoolUri("redis://h")).toBe(normalisePoolUri("valkeys://u:p@H:6379/0"));
    expect(normalisePoolUri("redis://h/1")).not.toBe(normalisePoolUri("redis://h/0"));
    expect(normalisePoolUri("redis://h?prefix=a")).not.toBe(normalisePoolUri("redis://h"));
    expect(normalisePoolUri("redis://h/a")).toBe(normalisePoolUri("redis://h/0?prefix=a"));
    expect(normalisePoolUri("redis://h/a")).not.toBe(normalisePoolUri("redis://h/1?prefix=a"));
    expect(normalisePoolUri("redis://h/isimud?cluster=true")).toBe(normalisePoolUri("redis://h"));
  });

  it("is each its own for texts that are no URI, and never an error", () => {
    const places = ["", "localhost:76553", "3", "postgresql://h:99999/db", "postgresql://h:x", "a b"].map(
      normalisePoolUri,
    );
    expect(new Set(places).size).toBe(places.length);
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof normalisePoolUri(text) === "string"));
  });

  it("holds no password", () => {
    for (const scheme of ["postgresql", "redis", "other"]) {
      expect(normalisePoolUri(`${scheme}://user:${CANARY}@h/db`)).not.toContain(CANARY);
    }
    expect(normalisePoolUri(`postgresql://h/db?password=${CANARY}`)).not.toContain(CANARY);
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

  it("hides all of what it does not understand", () => {
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
});
