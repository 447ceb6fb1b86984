import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { type Access, NOTHING, type Rights, rightsOfGrants } from "../../server/access/access.ts";
import { createPresentAccess } from "../../server/access/present-access.ts";
import { type Asker, createRequestAccess } from "../../server/access/request-access.ts";
import type { Caller } from "../../server/access/shell.ts";

const PROGRAM: Caller = { address: "127.0.0.1", isSecure: false, isFromPage: false, foreignOrigin: null };
const local = createRequestAccess({ BASE_PATH: "" }, null);
const accessOf = (headers: Record<string, string>, caller = PROGRAM) =>
  (local({ headers } as unknown as IncomingMessage, caller, "r") as Asker).access as Access;
const nobody = async () => {
  throw new Error("With AUTH=none nobody is looked up.");
};
const present = createPresentAccess({ auth: "none", tokens: { getMany: nobody }, people: { getByEmail: nobody } });
const everywhere = (role: "viewer" | "operator" | "admin") => rightsOfGrants([{ role, projects: "all" }]);

test("with AUTH=none everybody on this machine may do everything, and a page is used by a person", () => {
  const asker = { actor: "local", kind: "local", requestId: "r", address: "127.0.0.1" };
  expect(accessOf({})).toEqual({ ...asker, rights: everywhere("admin") });
  expect(accessOf({}, { ...PROGRAM, isFromPage: true }).isPerson).toBe(true);
});

test.each<[string, Rights]>([
  ["viewer", everywhere("viewer")],
  ["member, Operator", everywhere("operator")],
  ["viewer,admin", everywhere("admin")],
  ["member", NOTHING],
  ["", NOTHING],
])("X-Roles: %j takes the highest role that it names, or none, and its jobs have no more", async (roles, rights) => {
  const { actor, rights: taken } = accessOf({ "x-roles": roles });
  expect(taken).toEqual(rights);
  expect(await present({ actor, requestId: "r" })).toEqual({ actor, kind: "local", rights, requestId: "r" });
});

test("with AUTH=none a job that was asked for with accounts goes on as everybody's", async () => {
  expect(await present({ actor: "ada@example.com", requestId: "r" })).toMatchObject({ rights: everywhere("admin") });
});

test("addresses of MONITOR_ADDRESSES read the health and the metrics of everything, and nothing else", () => {
  const config = { BASE_PATH: "/below", MONITOR_ADDRESSES: ["10.0.0.0/8"] };
  const ask = (url: string, address: string) => {
    const request = { url, headers: {} } as IncomingMessage;
    const nobody = { identify: () => null };
    return (createRequestAccess(config, nobody)(request, { ...PROGRAM, address }, "r") as Asker).access;
  };
  for (const path of ["/below/api/health", "/below/api/metrics?x=1"]) {
    expect(ask(path, "10.1.2.3")).toMatchObject({ actor: "isimud:monitor", rights: { ...NOTHING, read: "all" } });
    expect(ask(path, "11.1.2.3")).toBe(null);
  }
  for (const path of ["/below/api/graphql", "/api/health", "/below/api/health/", "/below/api/export/queues.csv"]) {
    expect(ask(path, "10.1.2.3")).toBe(null);
  }
});
