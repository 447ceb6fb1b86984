import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { NOTHING, type Rights, rightsOfGrants } from "../../server/access/access.ts";
import { createRequestAccess } from "../../server/access/request-access.ts";
import type { Caller } from "../../server/access/shell.ts";

const PROGRAM: Caller = { address: "127.0.0.1", isSecure: false, isFromPage: false, foreignOrigin: null };
const accessOf = (headers: Record<string, string>, caller = PROGRAM) =>
  createRequestAccess()({ headers } as unknown as IncomingMessage, caller, "r");
const everywhere = (role: "viewer" | "operator" | "admin") => rightsOfGrants([{ role, projects: "all" }]);

test("with AUTH=none everybody on this machine may do everything, and a page is used by a person", () => {
  expect(accessOf({})).toEqual({ actor: "local", kind: "local", rights: everywhere("admin"), requestId: "r" });
  expect(accessOf({}, { ...PROGRAM, isFromPage: true }).isPerson).toBe(true);
});

test.each<[string, Rights]>([
  ["viewer", everywhere("viewer")],
  ["member, Operator", everywhere("operator")],
  ["viewer,admin", everywhere("admin")],
  ["member", NOTHING],
  ["", NOTHING],
])("X-Roles: %j takes the highest role that it names, or none", (roles, rights) => {
  expect(accessOf({ "x-roles": roles }).rights).toEqual(rights);
});
