import { expect, test } from "vitest";
import { type Access, EVERYTHING, type Grant, rightsOfScopes } from "../../server/access/access.ts";
import { NEEDS } from "../../server/access/needs.ts";
import { ALLOWED_WHEN_READ_ONLY } from "../../server/operations/read-only/read-only.ts";
import { createVerdictOperations, type VerdictSubject } from "../../server/operations/verdicts.ts";
import { person } from "../support/access.ts";

let whyNothing: string | null = null;
const { of } = createVerdictOperations({ readOnly: { whyNot: async () => whyNothing } });
const allowed = async (access: Access, mutations: string[], subject: VerdictSubject) =>
  (await of(access, { mutations, subject })).flatMap(({ mutation, reason }) => (reason === null ? [mutation] : []));
const grants = (...given: Grant[]) => person("pia", ...given);
const ASKED = ["postMessages", "purgeQueue", "createPool", "snoozeProblem", "collectGarbage"];

test("what a caller may do follows its rights in the projects that it is about, or in any", async () => {
  const some = grants({ role: "operator", projects: ["a", "b"] }, { role: "viewer", projects: "all" });
  const ofQueues = ["postMessages", "purgeQueue", "snoozeProblem"];
  for (const subject of ["anything", ["a"], ["b", "a"]] as const)
    expect(await allowed(some, ASKED, subject)).toEqual(ofQueues);
  for (const subject of ["none", ["c"], ["a", "c"]] as const) expect(await allowed(some, ASKED, subject)).toEqual([]);
  const everywhere = grants({ role: "operator", projects: "all" });
  expect(await allowed(everywhere, ASKED, "anything")).toEqual([...ofQueues, "collectGarbage"]);
  expect(await allowed(everywhere, ASKED, "none"), "a pool's problem is an admin's").toEqual(["collectGarbage"]);
  expect(await allowed(grants({ role: "admin", projects: "all" }), ASKED, "none")).toEqual(ASKED);
  const producer: Access = { ...some, kind: "token", rights: rightsOfScopes(["produce"], ["a"]) };
  expect(await allowed(producer, ASKED, ["a"])).toEqual(["postMessages"]);
});

test("a refusal says what to ask for, and what is no mutation is not allowed", async () => {
  const viewer = grants({ role: "viewer", projects: ["a"] });
  expect(await of(viewer, { mutations: ["purgeQueue", "valueOf"], subject: ["a"] })).toEqual([
    {
      mutation: "purgeQueue",
      reason: "This needs the role operator, or a token with the scope manage. Ask an admin for it.",
      projects: [],
    },
    { mutation: "valueOf", reason: "There is no such mutation.", projects: [] },
  ]);
  const mixed = grants({ role: "viewer", projects: ["a"] }, { role: "operator", projects: ["b"] });
  const [verdict] = await of(mixed, { mutations: ["purgeQueue"], subject: ["a"] });
  expect(verdict?.reason).toContain("in this project");
  expect(verdict?.projects, "where it is allowed all the same").toEqual(["b"]);
});

test("all mutations are told, by name, when none is asked for", async () => {
  const all = await of({ ...person("ada"), rights: EVERYTHING }, { subject: "anything" });
  expect(all.map(({ mutation }) => mutation)).toEqual(Object.keys(NEEDS).sort());
  expect(all.every(({ reason }) => reason === null)).toBe(true);
});

test("a read-only service allows nothing but to switch it back and to take rights from others", async () => {
  const ada = { ...person("ada"), rights: EVERYTHING };
  whyNothing = "The service is read-only.";
  const all = await of(ada, { subject: "anything" });
  whyNothing = null;
  const still = all.filter(({ reason }) => reason === null).map(({ mutation }) => mutation);
  expect(still).toContain("setReadOnly");
  expect(still).not.toContain("postMessages");
  expect(still.every((mutation) => ALLOWED_WHEN_READ_ONLY.has(mutation))).toBe(true);
});
