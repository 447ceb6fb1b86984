/** Connections are configured by their URI and by nothing else. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import {
  openConnection,
  openConnections,
  translatePostgresError,
} from "../../../server/storage/postgres/sql/connection.ts";
import { statement } from "../../../server/storage/postgres/sql/statement.ts";
import { Statements } from "../../../server/storage/postgres/sql/statements.ts";
import { createEmptyDatabase } from "../../support/database.ts";

afterEach(() => vi.unstubAllEnvs());

test("the environment variables of PostgreSQL clients change nothing", async () => {
  const database = await createEmptyDatabase();
  const strange = {
    PGHOST: "elsewhere.invalid",
    PGPORT: "1",
    PGUSER: "nobody",
    PGDATABASE: "nothing",
    PGSSLMODE: "require",
    PGSSLNEGOTIATION: "direct",
    PGOPTIONS: "-c statement_timeout=0",
    PGCLIENT_ENCODING: "LATIN1",
    PGAPPNAME: "strange",
  };
  for (const [name, value] of Object.entries(strange)) vi.stubEnv(name, value);
  const connections = openConnections({ url: database.url, connections: 1, applicationName: "own" });
  const { rows } = await connections.query(
    "SELECT current_setting('statement_timeout') AS timeout, current_setting('search_path') AS path, current_setting('application_name') AS name, current_setting('client_encoding') AS encoding",
  );
  expect(rows).toEqual([{ timeout: "4s", path: '"public"', name: "own", encoding: "UTF8" }]);
  await connections.end();
  vi.unstubAllEnvs();
  await database.drop();
});

test("a URI without a password is refused where the server wants one, even when the environment has one", async () => {
  const database = await createEmptyDatabase();
  const url = new URL(database.url);
  vi.stubEnv("PGPASSWORD", url.password);
  url.password = "";
  const connections = openConnections({ url: url.toString(), connections: 1 });
  const failure: unknown = await connections.query("SELECT 1").catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "28P01" });
  expect(translatePostgresError(failure)).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  await connections.end();
  vi.unstubAllEnvs();
  await database.drop();
});

test("a statement that conflicts with another keeps its connection, and one that does not fit the tables closes it", async () => {
  const database = await createEmptyDatabase();
  const connections = openConnections({ url: database.url, connections: 1 });
  const statements = new Statements(connections, "0");
  const run = (name: string, text: string) => statements.read(statement({ name, parameters: {}, text }), {});
  const pid = async () => (await run("pid", "SELECT pg_backend_pid() AS pid"))[0];
  const before = await pid();
  await expect(run("zero", "SELECT 1 / 0")).rejects.toMatchObject({
    code: "DEADLINE_EXCEEDED",
  });
  expect(await pid()).toEqual(before);
  await expect(run("none", "SELECT 1 FROM nothing")).rejects.toMatchObject({
    code: "INTERNAL",
  });
  expect(await pid()).not.toEqual(before);
  await connections.end();
  await database.drop();
});

test("a server that ends a session in the moment in which it is ready fails its next statement, not the process", async () => {
  const message = (type: string, body: string) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(4 + body.length);
    return Buffer.concat([Buffer.from(type), length, Buffer.from(body)]);
  };
  const ready = [message("R", "\0\0\0\0"), message("Z", "I")];
  const fatal = message("E", "SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0");
  // In one piece, as it arrives in a process that is busy.
  const server = createServer((socket) => socket.once("data", () => socket.end(Buffer.concat([...ready, fatal]))));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const uncaught: unknown[] = [];
  const hear = (error: unknown) => uncaught.push(error);
  process.on("uncaughtException", hear);
  try {
    const connection = await openConnection(`postgresql://isimud@127.0.0.1:${port}/isimud?sslmode=disable`, "own");
    await expect(connection.query("SELECT 1")).rejects.toThrow();
    await connection.end();
    expect(uncaught).toEqual([]);
  } finally {
    process.off("uncaughtException", hear);
    server.close();
  }
});

test("after a write was sent, a pooler that lost its server leaves the outcome unknown", () => {
  const codeOf = (code: string, text: string, wrote: boolean) =>
    translatePostgresError(Object.assign(new Error(text), { code }), { wrote }).code;
  for (const [code, text] of [
    ["08006", "server closed the connection unexpectedly"],
    ["08003", "connection does not exist"],
    ["08P01", "server conn crashed?"],
  ] as const) {
    expect(codeOf(code, text, true)).toBe("OUTCOME_UNKNOWN");
    expect(codeOf(code, text, false)).toBe("STORAGE_UNAVAILABLE");
  }
  expect(codeOf("08001", "cannot connect", true)).toBe("STORAGE_UNAVAILABLE");
  expect(codeOf("08004", "rejected", true)).toBe("STORAGE_UNAVAILABLE");
  const complaint = 'bind message supplies 1 parameters, but prepared statement "a" requires 2';
  expect(codeOf("08P01", complaint, true)).toBe("INTERNAL");
});

test("no module lets the pg client parse a URI, because it would read the files that the URI names", () => {
  const source = readFileSync(new URL("../../../server/storage/postgres/sql/connection.ts", import.meta.url), "utf8");
  expect(source).not.toContain("connectionString");
});
